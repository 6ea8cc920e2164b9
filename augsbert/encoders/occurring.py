"""Word embeddings of the tokens that occur: a fit spends nothing on rows that none of its batches reads.

BERT's table has 30,522 rows, more numbers than all six layers of MiniLM have, of which a fit's pairs read a few
thousand. AdamW does nothing to the others but decay them; still, at each step their gradient of zeros would be written,
its norm taken, two moments updated and, with DDP, all of it sent from rank to rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class OccurringTokens(nn.Embedding):
    """Stands for a word embedding during a fit, with a row for each token that occurs; ids stay the tokenizer's.

    One more row, which no id leads to, starts as ones and so ends as what weight decay leaves of any unread row.

    Args:
        table: the embedding that it stands for; not touched before :meth:`whole`.
        tokens: the ids that may be asked for, each once (k,).
    """

    tokens: Tensor
    place: Tensor

    def __init__(self, table: nn.Embedding, tokens: Tensor) -> None:
        place = torch.full((table.num_embeddings,), -1)
        place[tokens] = torch.arange(len(tokens))
        padding = None if table.padding_idx is None else int(place[table.padding_idx])
        super().__init__(len(tokens) + 1, table.embedding_dim, padding, dtype=table.weight.dtype)
        with torch.no_grad():
            self.weight.copy_(torch.cat([table.weight[tokens], torch.ones_like(table.weight[:1])]))
        self.register_buffer("tokens", tokens, persistent=False)
        self.register_buffer("place", place, persistent=False)
        # Within a list, the table is no child whose parameters an optimiser or a checkpoint would see.
        self.table = [table]

    def forward(self, input: Tensor) -> Tensor:
        """Embeddings (..., D) of token ids (...).

        Raises:
            IndexError: a token is not among those that occur.
        """
        return F.embedding(self.place[input], self.weight, self.padding_idx)

    def whole(self) -> nn.Embedding:
        """The table with the rows as they are now; unread ones are decayed, equal to a plain fit's to some 1e-7."""
        (table,) = self.table
        weight = self.weight.detach().to("cpu", table.weight.dtype)  # bf16-true has it in bf16
        with torch.no_grad():
            table.weight.mul_(weight[-1])
            table.weight[self.tokens.to("cpu")] = weight[:-1]
        return table


@contextmanager
def only_occurring(model: PreTrainedModel, rows: Iterable[Iterable[int]]) -> Iterator[None]:
    """Within it, a model has word embeddings for the token ids of ``rows`` alone; afterwards for all.

    A model whose embedding is of a kind of its own, or frozen, stays as it is.
    """
    table = model.get_input_embeddings()
    if type(table) is not nn.Embedding or not table.weight.requires_grad:
        yield
        return
    padding = [] if table.padding_idx is None else [table.padding_idx]
    occurring = OccurringTokens(table, torch.tensor(sorted(set(padding).union(*rows))))
    model.set_input_embeddings(occurring)
    try:
        yield
    finally:
        model.set_input_embeddings(occurring.whole())
