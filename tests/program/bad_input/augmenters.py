"""Bad input for the augmenters: in their settings, and in the files and weights that they read."""

from __future__ import annotations

from pathlib import Path

from augsbert.augmenters.wordnet_files import NAMES
from tests.program.bad_input.case import Case

AUGMENT = "scenario=fully_annotated augmenter="
PPDB_LINE = "[NN] ||| dog ||| hound ||| PPDB2.0Score=4.5 ||| 0-0 ||| Equivalence\n"


def sequence_to_sequence(model: Path, folder: Path) -> None:
    """A BART of one layer, with random weights and the tokenizer of the tiny model."""
    from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration

    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    sides = {"layers": 1, "ffn_dim": 32, "attention_heads": 2}
    layers = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in sides.items()}
    special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 2}
    config = BartConfig(vocab_size=100, d_model=16, max_position_embeddings=64, **layers, **special)
    BartForConditionalGeneration(config).save_pretrained(folder)


CASES = {
    "sentence augmenter with a model of another kind for the way back": Case(
        f"{AUGMENT}sentence augmenter.encoder=TMP/bart augmenter.back=MODEL augmenter.generation.max_new_tokens=2",
        "error: augmenter.back=MODEL: it is no sequence-to-sequence model, as t5-base is.\n",
        {"bart": sequence_to_sequence},
        made=("dataset",),
        making="augmented",
    ),
    "augmenters out of range": Case(
        f"{AUGMENT}character augmenter.noises=[typo]",
        "error: augmenter.noises=['typo']: it must be 'keyboard', 'ocr', 'swap', 'delete' or 'double'.\n",
    ),
    "contextual augmenter out of range": Case(
        f"{AUGMENT}contextual_insert augmenter.encoder=MODEL augmenter.sampling.temperature=0",
        "error: augmenter.sampling.temperature=0: it must be a finite number above 0.\n",
    ),
    "contextual augmenter, misspelt key of its sampling": Case(
        f"{AUGMENT}contextual_substitute augmenter.encoder=MODEL +augmenter.sampling.topk=3",
        "error: augmenter.sampling.topk=3: sampling takes top_k, top_p, temperature only.\n",
    ),
    "contextual augmenter, no such folder": Case(
        f"{AUGMENT}contextual_substitute augmenter.encoder=TMP/bert",
        "error: augmenter.encoder=TMP/bert: there is no such folder. A relative path starts at TMP/here.\n",
    ),
    "no WordNet": Case(
        f"{AUGMENT}synonym_wordnet augmenter.path=TMP/wordnet",
        "error: augmenter.path=TMP/wordnet: index.noun, index.verb, index.adj and others not in this folder. "
        "Give the one with WordNet's index.noun, data.noun, ...; apt-get install wordnet-base makes one.\n",
    ),
    "damaged WordNet": Case(
        f"{AUGMENT}synonym_wordnet augmenter.path=TMP/wordnet",
        "error: augmenter: TMP/wordnet/index.noun, line 2: not as WordNet writes it. Install it again.\n",
        {f"wordnet/{name}": "" for name in NAMES} | {"wordnet/index.noun": "  1 the licence\ndog n 1 0 1 0 0000\n"},
        made=("dataset",),
        making="augmented",
    ),
    "no PPDB": Case(
        f"{AUGMENT}synonym_ppdb", "error: augmenter.path=null: name a PPDB file, such as path=ppdb-2.0-s-lexical.gz.\n"
    ),
    "no such PPDB file": Case(
        f"{AUGMENT}synonym_ppdb augmenter.path=TMP/ppdb",
        "error: augmenter.path=TMP/ppdb: there is no such file. A relative path starts at TMP/here.\n",
    ),
    "empty PPDB file": Case(
        f"{AUGMENT}synonym_ppdb augmenter.path=TMP/ppdb",
        "error: augmenter.path=TMP/ppdb: the file is empty. Name another.\n",
        {"ppdb": ""},
        made=("dataset",),
        making="augmented",
    ),
    "PPDB file of another kind": Case(
        f"{AUGMENT}synonym_ppdb augmenter.path=TMP/ppdb",
        "error: augmenter.path=TMP/ppdb, line 1: not of PPDB's form, "
        "LHS ||| source ||| target ||| PPDB2.0Score=5.2 ... ||| alignment ||| entailment.\n",
        {"ppdb": "dog,hound\n"},
        made=("dataset",),
        making="augmented",
    ),
    "PPDB file of which more than one line in a hundred is malformed": Case(
        f"{AUGMENT}synonym_ppdb augmenter.path=TMP/ppdb",
        "error: augmenter.path=TMP/ppdb: 2 of 102 lines are malformed, lines 101, 102: not of PPDB's form, "
        "LHS ||| source ||| target ||| PPDB2.0Score=5.2 ... ||| alignment ||| entailment.\n",
        {"ppdb": PPDB_LINE * 100 + "dog ||| hound\n" * 2},
        made=("dataset",),
        making="augmented",
    ),
    "PPDB scores out of range": Case(
        f"{AUGMENT}synonym_ppdb augmenter.min_score=1001",
        "error: augmenter.min_score=1001: it must be a number in -1000..1000.\n",
    ),
    "no PPDB paraphrases of a word": Case(
        f"{AUGMENT}synonym_ppdb augmenter.top_k=0",
        "error: augmenter.top_k=0: it must be a whole number of at least 1.\n",
    ),
    "contextual augmenter without a head for words": Case(
        f"{AUGMENT}contextual_substitute augmenter.encoder=MODEL",
        "error: augmenter.encoder=MODEL: these weights have no head that predicts masked words. "
        "Name one that does, such as encoder=bert-base-uncased or encoder=distilroberta-base.\n",
        made=("dataset",),
        making="augmented",
    ),
    "sentence augmenter without a model": Case(
        f"{AUGMENT}sentence", "error: augmenter.encoder: it has no value. Set augmenter.encoder=...\n"
    ),
    "sentence augmenter with a model of another kind": Case(
        f"{AUGMENT}sentence augmenter.encoder=MODEL",
        "error: augmenter.encoder=MODEL: it is no sequence-to-sequence model, as t5-base is.\n",
        made=("dataset",),
        making="augmented",
    ),
    "sentence augmenter, misspelt key of its generation": Case(
        f"{AUGMENT}sentence augmenter.encoder=MODEL +augmenter.generation.num_beam=2",
        "error: augmenter.generation.num_beam=2: generation takes num_beams, do_sample, top_p, max_new_tokens only.\n",
    ),
    "sentence augmenter out of range": Case(
        f"{AUGMENT}sentence augmenter.encoder=MODEL augmenter.generation.max_new_tokens=0",
        "error: augmenter.generation.max_new_tokens=0: it must be a whole number of at least 1.\n",
    ),
    "wordnet out of range": Case(
        f"{AUGMENT}synonym_wordnet augmenter.share=0 augmenter.path=TMP",
        "error: augmenter.share=0: it must be a number above 0 and up to 1.\n",
    ),
}
