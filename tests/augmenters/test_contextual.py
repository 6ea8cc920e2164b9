"""Contextual augmenters: what changes, what never does, and that it is the model's doing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from augsbert.augmenters.contextual import ContextualInsert, ContextualSubstitute
from augsbert.augmenters.masked import MaskedModel, _drawn, whole_words
from augsbert.augmenters.words import changeable, is_closed, put, words_of
from augsbert.errors import UserError
from tests.tiny import write_masked_model

SENTENCES = [
    "A man plays music, and 3 women sing.",
    "THE DOG SLEEPS IN A SMALL RED HOUSE!",
    "Not on it.",
    "12 34",
    "The [MASK] runs in the park.",
    "Old cats",
]


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masked")
    write_masked_model(folder)
    return folder


@pytest.fixture(params=[ContextualSubstitute, ContextualInsert])
def augmenter(request: pytest.FixtureRequest, masked: Path) -> Callable[..., ContextualSubstitute]:
    return lambda **settings: request.param(str(masked), **{"share": 0.5, **settings})


def _rewrite(augmenter: ContextualSubstitute, sentences: list[str], seed: int = 0) -> list[str]:
    return list(augmenter.rewrite(sentences, np.random.default_rng(seed)))


def test_what_comes_in_is_a_whole_word_and_all_else_stays(masked: Path) -> None:
    made = _rewrite(ContextualSubstitute(str(masked), share=1.0), SENTENCES)
    for old, new in zip(SENTENCES, made, strict=True):
        assert re.sub(r"[^\W\d_]+", "w", new) == re.sub(r"[^\W\d_]+", "w", old)
        kept = [word for word in re.findall(r"\w+", old) if is_closed(word) and word.lower() != "a"]
        assert [word for word in kept if word not in new] == []
    assert made[2:5] == SENTENCES[2:5]
    assert "DOG" not in made[1]
    assert "NATO" in _rewrite(ContextualSubstitute(str(masked), share=1.0), ["The NATO dog sleeps."])[0]
    assert made[1].split()[1].isupper()
    assert made[0] != SENTENCES[0]


def test_insertion_keeps_every_word_in_its_order(masked: Path) -> None:
    for old, new in zip(SENTENCES, _rewrite(ContextualInsert(str(masked), share=1.0), SENTENCES), strict=True):
        rest = iter(re.findall(r"[\w\[\]]+", new))
        assert all(word in rest for word in re.findall(r"[\w\[\]]+", old) if word.lower() not in ("a", "an"))
        assert "  " not in new


def test_the_same_seed_gives_the_same_pairs_and_another_one_others(
    augmenter: Callable[..., ContextualSubstitute],
) -> None:
    gold = pd.DataFrame({"sentence1": SENTENCES[:2] * 4, "sentence2": SENTENCES[1::-1] * 4, "score": 0.5})
    first = augmenter(seed=1)(gold)
    pd.testing.assert_frame_equal(augmenter(seed=1)(gold), first)
    assert not augmenter(seed=2)(gold).equals(first)


def test_a_sentence_gets_the_same_words_whatever_else_is_augmented(masked: Path) -> None:
    model = MaskedModel(str(masked))
    sampling = {"top_k": 5, "top_p": 1.0, "temperature": 1.0}
    texts, never = [f"The {model.gap} runs.", f"A small {model.gap} plays in the {model.gap} today."], [[""], ["", ""]]
    together = model.fill(texts, never, sampling, np.array([0.3, 0.6, 0.9]))
    alone = model.fill(texts[1:], never[1:], sampling, np.array([0.6, 0.9]))
    assert together[1:] == alone


def test_the_likeliest_word_comes_with_top_k_1_and_never_the_one_that_stood_there(masked: Path) -> None:
    model, text = MaskedModel(str(masked)), "The {} runs."
    greedy = {"top_k": 1, "top_p": 1.0, "temperature": 1.0}
    [[best]] = model.fill([text.format(model.gap)], [[""]], greedy, np.array([0.5]))
    [[second]] = model.fill([text.format(model.gap)], [[str(best).upper()]], greedy, np.array([0.5]))
    import torch

    inputs = model.tokenizer(text.format(model.gap), return_tensors="pt")
    place = (inputs["input_ids"][0] == model.tokenizer.mask_token_id).nonzero().item()
    with torch.inference_mode():
        logits = model.model(**inputs).logits[0, place]
    ranked = [model.words[i] for i in logits.argsort(descending=True).tolist() if i in model.words]
    assert [best, second] == ranked[:2]


LIKELIEST = [(2.0, "dog"), (1.0, "cat"), (0.5, "child"), (-1.0, "ball")]
#: Even over 0..1.
DRAWS = (np.arange(4000) + 0.5) / 4000


def _shares(never: str = "", **sampling: float) -> dict[str | None, float]:
    """How often each word comes when draws are even."""
    drawn = [_drawn(LIKELIEST, never, {"top_k": 4, "top_p": 1.0, "temperature": 1.0} | sampling, x) for x in DRAWS]
    return {word: drawn.count(word) / len(drawn) for word in dict.fromkeys(drawn)}


def _softmax(scores: dict[str, float], temperature: float = 1.0) -> dict[str, float]:
    weights = {word: np.exp(score / temperature) for word, score in scores.items()}
    return {word: weight / sum(weights.values()) for word, weight in weights.items()}


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_words_come_as_often_as_the_softmax_of_their_scores_says(temperature: float) -> None:
    expected = _softmax({word: score for score, word in LIKELIEST}, temperature)
    assert _shares(temperature=temperature) == pytest.approx(expected, abs=1e-3)


def test_of_the_nucleus_alone_words_are_drawn_and_one_is_always_in_it() -> None:
    assert _shares(top_p=1e-6) == {"dog": 1.0}
    # The shares are .61, .22, .14 and .03: the second is needed for .7, and then enough.
    assert _shares(top_p=0.7) == pytest.approx(_softmax({"dog": 2.0, "cat": 1.0}), abs=1e-3)


def test_the_word_that_must_not_come_is_never_drawn_and_makes_room_for_one_more() -> None:
    rest = {"cat": 1.0, "child": 0.5, "ball": -1.0}
    assert _shares(never="DOG", top_k=3) == pytest.approx(_softmax(rest), abs=1e-3)
    assert _drawn(LIKELIEST[:1], "Dog", {"top_k": 4, "top_p": 1.0, "temperature": 1.0}, 0.5) is None


def test_sentences_go_through_the_model_in_few_batches_of_like_length(
    masked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[int]] = []
    logits = MaskedModel._logits

    def noted(self: MaskedModel, texts: Sequence[str]) -> Any:
        batches.append([len(text) for text in texts])
        return logits(self, texts)

    monkeypatch.setattr(MaskedModel, "_logits", noted)
    lengths = np.random.default_rng(0).permutation(130)
    sentences = ["dog" + " the" * length for length in lengths]
    made = _rewrite(ContextualSubstitute(str(masked)), sentences)
    assert [len(batch) for batch in batches] == [64, 64, 2]
    assert len({length for batch in batches for length in batch}) == 130
    assert all(min(longer) > max(shorter) for longer, shorter in itertools.pairwise(batches))
    assert [sentence.count(" the") for sentence in made] == lengths.tolist()
    assert not any(sentence.startswith("dog") for sentence in made)


def test_a_gap_beyond_the_longest_input_stays_as_it_is(masked: Path) -> None:
    sentence = " ".join(["dog"] * 200)
    made = _rewrite(ContextualSubstitute(str(masked), share=1.0), [sentence])[0].split()
    assert len(made) == 200
    assert made[100:] == ["dog"] * 100
    assert "dog" not in made[:50]


def test_only_words_that_the_model_sees_are_drawn(masked: Path) -> None:
    sentence = " ".join(["dog"] * 400)
    for seed in range(5):
        made = _rewrite(ContextualSubstitute(str(masked), share=0.01), [sentence], seed)[0].split()
        assert made[62:] == ["dog"] * 338  # 64 positions, two of them for special tokens
        assert made.count("dog") == 399


def test_a_roberta_is_cut_before_its_positions_end_and_proposes_text_instead_of_bytes(tmp_path: Path) -> None:
    words = ["dog", "café", "fête", "—", "“", "‘", "дом"]
    _write_roberta(tmp_path, words)
    model = MaskedModel(str(tmp_path))
    assert model.length == 38  # 40 positions, counted from 2
    assert {word for word in words if word.isalpha()} <= set(model.words.values())
    letters = {letter for word in words for letter in word}
    assert all(set(word) <= letters for word in model.words.values())
    assert _rewrite(ContextualSubstitute(str(tmp_path)), ["a dog " * 100]) != ["a dog " * 100]


def _write_roberta(folder: Path, words: list[str]) -> None:
    """One layer, random weights, and a byte-level tokenizer that has merged these words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary, merges = [*special, *sorted(bytes_.alphabet())], []
    for word in words:
        piece, *rest = bytes_.pre_tokenize_str(f" {word}")[0][0]
        for letter in rest:
            merges.append((piece, letter))
            piece += letter
            vocabulary.append(piece)
    ids = {piece: i for i, piece in enumerate(dict.fromkeys(vocabulary))}
    raw = Tokenizer(models.BPE(ids, list(dict.fromkeys(merges)), unk_token="<unk>"))
    raw.pre_tokenizer, raw.decoder = bytes_, decoders.ByteLevel()
    raw.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = dict(zip(("cls", "pad", "sep", "unk", "mask"), special, strict=True))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, **{f"{name}_token": t for name, t in names.items()})
    tokenizer.save_pretrained(folder)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    RobertaForMaskedLM(RobertaConfig(vocab_size=len(ids), max_position_embeddings=40, **size)).save_pretrained(folder)


SIZE = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "initializer_range": 0.5}


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("Bert", {"hidden_size": 32, **SIZE}),
        ("DistilBert", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "initializer_range": 0.5}),
        ("XLMRoberta", {"hidden_size": 32, **SIZE}),
        ("Electra", {"hidden_size": 32, "embedding_size": 16, **SIZE}),
    ],
)
def test_scores_at_a_gap_are_the_models_own_whatever_the_architecture(
    kind: str, size: dict[str, float], masked: Path, tmp_path: Path
) -> None:
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(masked)
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(tokenizer), pad_token_id=0, **size)
    getattr(transformers, f"{kind}ForMaskedLM")(config).save_pretrained(tmp_path)
    model = MaskedModel(str(tmp_path))
    texts = [f"The {model.gap} runs.", f"A small {model.gap} plays music in the {model.gap} today."]
    scores, owners = model._logits(texts)
    assert owners == [0, 1, 1]
    for text, rows in zip(texts, (scores[:1], scores[1:]), strict=True):
        inputs = model.tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            alone = model.model(**inputs).logits[inputs["input_ids"] == model.tokenizer.mask_token_id]
        torch.testing.assert_close(rows, alone)


@pytest.fixture(scope="module")
def xlnet(masked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One layer, random weights, and the other model's tokenizer."""
    import torch
    from transformers import AutoTokenizer, XLNetConfig, XLNetLMHeadModel

    folder, tokenizer = tmp_path_factory.mktemp("xlnet"), AutoTokenizer.from_pretrained(masked)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    size = {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 32, "initializer_range": 0.5}
    XLNetLMHeadModel(XLNetConfig(vocab_size=len(tokenizer), **size)).save_pretrained(folder)
    return folder


def test_xlnet_is_asked_for_each_gap_and_sees_none_whatever_the_batch(xlnet: Path) -> None:
    import torch

    model = MaskedModel(str(xlnet))
    texts = [f"The {model.gap} runs.", f"A small {model.gap} plays music in the {model.gap} today."]
    scores, owners = model._logits(texts)
    assert owners == [0, 1, 1]
    for text, gap, row in ((texts[0], 0, 0), (texts[1], 0, 1), (texts[1], 1, 2)):
        inputs = model.tokenizer(text, return_tensors="pt")
        places = (inputs["input_ids"][0] == model.tokenizer.mask_token_id).nonzero()[:, 0]
        inputs["input_ids"][0, places] = model.tokenizer.convert_tokens_to_ids("x")  # no matter what stands there
        unseen = torch.zeros(1, *[inputs["input_ids"].shape[1]] * 2)
        unseen[0, :, places] = 1
        asked = torch.zeros(1, 1, inputs["input_ids"].shape[1])
        asked[0, 0, places[gap]] = 1
        with torch.inference_mode():
            alone = model.model(**inputs, perm_mask=unseen, target_mapping=asked).logits[0, 0]
        torch.testing.assert_close(scores[row], alone)


def test_xlnet_puts_words_where_they_are_wanted(xlnet: Path) -> None:
    for kind in (ContextualSubstitute, ContextualInsert):
        made = _rewrite(kind(str(xlnet), share=0.5), SENTENCES)
        assert made[0] != SENTENCES[0]
        assert made[2:5] == SENTENCES[2:5]


def test_weights_without_a_head_for_words_are_refused(tiny_model: Path) -> None:
    with pytest.raises(UserError, match="no head that predicts masked words"):
        MaskedModel(str(tiny_model))


class Vocabulary:
    """Stands for a tokenizer."""

    all_special_ids = (0,)

    def __init__(self, *tokens: str) -> None:
        self.tokens = tokens

    def get_vocab(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.tokens)}


@pytest.mark.parametrize(
    "tokens",
    [
        ("[MASK]", "dog", "##ing", "7", "the", "x", ",", "un##", "cat"),
        ("<mask>", "Ġdog", "ing", "Ġ7", "Ġthe", "Ġx", "Ġ,", "Ġ", "Ġcat", *(f"Ġ{i}" for i in range(10))),
        ("<mask>", "▁dog", "ing", "▁7", "▁the", "▁x", "▁,", "▁", "▁cat", *(f"▁{i}" for i in range(10))),
    ],
    ids=["WordPiece", "byte-level BPE", "SentencePiece"],
)
def test_only_whole_words_of_a_vocabulary_are_proposed(tokens: tuple[str, ...]) -> None:
    assert whole_words(Vocabulary(*tokens)) == {1: "dog", 8: "cat"}


def test_a_vocabulary_without_marks_is_refused() -> None:
    with pytest.raises(UserError, match="marks neither where a word begins"):
        whole_words(Vocabulary("<mask>", "dog</w>", "ing"))


def test_words_are_found_and_put_back_without_touching_what_is_between() -> None:
    sentence = "An  old dog's — café\t(no. 7) re-opens x2!"
    spans = words_of(sentence)
    assert [sentence[slice(*span)] for span in spans] == ["An", "old", "dog's", "café", "no", "re-opens"]
    assert put(sentence, {span: sentence[slice(*span)] for span in spans}) == sentence
    assert [sentence[slice(*span)] for span in changeable(sentence)] == ["old", "dog's", "café", "re-opens"]
    assert put("It is a dog.", {(8, 11): "animal"}) == "It is an animal."
    assert put("An apple fell.", {(3, 8): "pear"}) == "A pear fell."
    assert put("A plan.", {(2, 6): "honest plan"}) == "An honest plan."
    assert put("An army.", {(3, 7): "union"}) == "A union."
    assert put("It is a tool.", {(8, 12): "utensil"}) == "It is a utensil."
    assert put("It is a tool.", {(8, 12): "utter failure"}) == "It is an utter failure."
    assert put("Group A wins.", {(8, 12): "earns"}) == "Group A earns."
    assert put("EAT AN EGG", {(7, 10): "PEAR"}) == "EAT A PEAR"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": 2}, "share=2: it must be a number above 0 and up to 1."),
        ({"copies": 0}, "copies=0: it must be a whole number of at least 1."),
        ({"sides": "none"}, "sides=none: it must be one of one, both. Did you mean one?"),
        ({"sampling": {"top_k": 0}}, "sampling.top_k=0: it must be a whole number of at least 1."),
        ({"sampling": {"k": 1}}, "sampling.k=1: sampling takes top_k, top_p, temperature only."),
        ({"sampling": {"temperature": "hot"}}, "sampling.temperature=hot: it must be a finite number above 0."),
        ({"sampling": {"top_p": 0}}, "sampling.top_p=0: it must be a number above 0 and up to 1."),
    ],
)
def test_a_bad_argument_is_named(settings: dict, message: str) -> None:
    with pytest.raises(UserError) as error:
        ContextualSubstitute("x", **settings)
    assert str(error.value) == message


def test_a_model_that_was_trained_proposes_words_that_fit(masked: Path, tmp_path: Path) -> None:
    """On a word head trained here for seconds: no weights of a masked language model come with a package."""
    from experiments.masked_model import train

    nouns, verbs = ["dog", "cat", "woman", "child"], ["runs", "sleeps", "eats", "plays"]
    train([f"the {noun} {verb}" for noun in nouns for verb in verbs], tmp_path, steps=150, model=str(masked))
    augmenter = ContextualSubstitute(str(tmp_path), share=0.5, sampling={"top_k": 3})
    made = [sentence.split() for sentence in _rewrite(augmenter, ["the dog runs"] * 30)]
    changed = [
        (place, word) for _, *words in made for place, word in enumerate(words) if word != ("dog", "runs")[place]
    ]
    assert len(changed) >= 30
    assert sum(word in (nouns, verbs)[place] for place, word in changed) > 0.9 * len(changed)
    assert len({word for _, word in changed}) > 2
