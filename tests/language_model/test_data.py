from pathlib import Path

import pytest

from multimodal.data.duplicates import letters_of
from multimodal.data.text_source import TextSource
from multimodal.language_model.data import LanguageModelData, StreamText
from multimodal.saving.checkpoint import SavedModel

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
VERSE = TextSource("text", str(SAMPLES / "verse.txt"))
POLARITY = TextSource("polarity", str(SAMPLES / "nltk_data"), part="all")
MOVIES = TextSource("movie_reviews", str(SAMPLES / "nltk_data"), part="all")


def tiny(*sources: TextSource, **changes) -> LanguageModelData:
    few = [TextSource(options={"train": 30, "val": 6, "test": 8})]
    return LanguageModelData(
        sources=list(sources) or few, **{"batch_size": 2, "window": 9, **changes}
    )


def text_of(data: LanguageModelData, loader) -> list[str]:
    rows = [row for batch in loader for row in batch.targets[batch.mask].tolist()]
    return [data.vocabulary[token] for token in rows]


def test_reviews_are_read_without_their_labels():
    data = tiny()
    batches = list(data.train_dataloader())
    assert [batch.indices.item() for batch in batches] == [*range(len(batches))]
    assert batches[0].tokens.shape == batches[0].targets.shape == (2, 9)
    assert sum(int(b.mask.sum()) for b in batches) == sum(
        len(data.parse(text)) + 1 for text in data.texts("train")
    )
    assert len(list(data.val_dataloader())) > 0
    assert len(list(data.test_dataloader())) > 0


def test_characters_write_verse_with_its_lines():
    data = tiny(VERSE, level="characters", eval_batch_size=1)
    written = "".join(text_of(data, data.val_dataloader()))
    assert written == "\n".join(data.texts("val")) + "<eos>"
    assert "\n" in data.vocabulary
    assert "T" in data.vocabulary


def test_words_can_keep_the_ends_of_lines():
    data = tiny(VERSE, keep_lines=True)
    assert data.parse("The lamp is low,\nthe page") == [
        "the",
        "lamp",
        "is",
        "low",
        "\n",
        "the",
        "page",
    ]
    assert tiny(VERSE).parse("low,\nthe") == ["low", "the"]


def test_several_sources_follow_one_another_and_a_part_is_held_out():
    data = tiny(POLARITY, MOVIES, holdout=0.2)
    train, val = data.texts("train"), data.texts("val")
    assert len(train) + len(val) == 30
    assert data.texts("test") == val
    assert not {letters_of(text) for text in train} & {letters_of(text) for text in val}


def test_no_sentence_that_is_tested_is_read():
    tested = TextSource("polarity", str(SAMPLES / "nltk_data"), folds=4, fold=1, part="test")
    read = "".join(map(letters_of, tiny(POLARITY, MOVIES, holdout=0.1).texts("train")))
    data = tiny(POLARITY, MOVIES, holdout=0.1, held_out=[tested])
    left = "".join(letters_of(t) for split in ("train", "val") for t in data.texts(split))
    sentences = [letters_of(example.text) for example in tested.read("test")]
    long = [sentence for sentence in sentences if len(sentence) >= 20]
    assert any(sentence in read for sentence in long)
    assert not any(sentence in left for sentence in long)
    assert not {letters_of(text) for text in data.texts("train")} & set(sentences)


def test_all_texts_held_out_is_an_error():
    data = tiny(POLARITY, holdout=0.5, held_out=[POLARITY])
    with pytest.raises(ValueError, match=r"All .* texts are duplicates of held-out ones; name oth"):
        data.texts("train")


def test_what_is_wholly_read_needs_a_holdout():
    with pytest.raises(ValueError, match="leaves nothing to validate on; set `holdout`, such as"):
        tiny(POLARITY).texts("train")


def test_a_vocabulary_can_be_given_and_bounded():
    tokens = ["<pad>", "<bos>", "<eos>", "<unk>", "the"]
    data = tiny()
    extra = {"level": "characters", "keep_lines": True}
    data.adopt(SavedModel("language_model", {}, tokens, {}, {}, extra))
    assert data.linked() == {"vocabulary": tokens, **extra}
    assert len(tiny(text=StreamText(max_vocabulary=20)).vocabulary) == 20


def test_a_literal_special_token_is_only_text(tmp_path):
    (tmp_path / "odd.txt").write_text("\n\n".join(f"<pad> <bos> <eos> word {n}" for n in range(40)))
    for level in ("words", "characters"):
        data = tiny(TextSource("text", str(tmp_path)), level=level)
        for batch in data.train_dataloader():
            real = batch.tokens[batch.mask]
            starts = (real == 1).sum()
            assert starts <= 36
            assert not (real == 2).any()


def test_prediction_is_refused_with_the_verb_that_writes():
    with pytest.raises(ValueError, match="Let it write with `multimodal write CHECKPOINT PROMPT`"):
        tiny().predict_dataloader()


def test_an_unknown_level_is_refused():
    data = tiny(VERSE)
    data.level = "syllables"
    with pytest.raises(ValueError, match="`level` must be words or characters, got 'syllables'"):
        _ = data.vocabulary


@pytest.mark.data
def test_real_reviews_without_any_tested_sentence(data_folder):
    root = str(data_folder / "nltk_data")
    polarity = TextSource("polarity", root, part="all")
    reviews = TextSource("movie_reviews", root, part="all")
    data = LanguageModelData(sources=[reviews], held_out=[polarity], holdout=0.05)
    left = [letters_of(text) for split in ("train", "val") for text in data.texts(split)]
    tested = {letters_of(example.text) for example in polarity.read("all")}
    assert not tested & set(left)
    assert len(left) >= 2_000
