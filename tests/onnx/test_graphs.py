"""Graphs compute what networks compute, for any batch, any number of beams and of words."""

import pytest
import tiny_answerer
import tiny_captioner
import tiny_classifier
import tiny_critic
import torch
from torch import nn

from multimodal.captioning.model import Captioner
from multimodal.classification.model import Classifier, ClassifierSettings
from multimodal.decoding import beam_search, greedy
from multimodal.nn.decoders import DECODERS
from multimodal.nn.encoders import EncoderSettings
from multimodal.nn.text_encoder import TextEncoderSettings
from multimodal.onnx import OnnxCaptioner, OnnxGraph
from multimodal.onnx.graphs import graphs_of
from multimodal.onnx.writing import write_graph
from multimodal.sentiment.model import SentimentClassifier, SentimentSettings
from multimodal.vqa.fusion import FUSIONS
from multimodal.vqa.model import Answerer

CLOSE = {"atol": 1e-4, "rtol": 0}


def pixels(batch, size=32, channels=3, seed=0):
    noise = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (batch, channels, size, size), generator=noise, dtype=torch.uint8)


def texts(batch, time, words, seed=0):
    """Tokens of texts of any length up to `time`, and their mask."""
    noise = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, time + 1, (batch, 1), generator=noise)
    mask = torch.arange(time) < lengths
    return torch.randint(4, words, (batch, time), generator=noise) * mask, mask


def check_same(inputs, expected):
    for ours, theirs in zip(inputs, expected, strict=True):
        assert (ours is None) == (theirs is None)  # a caption's attention, where there is none
        if theirs is not None:
            torch.testing.assert_close(ours, theirs.detach(), **CLOSE)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_classifier_of_pictures(graphs, batch):
    model = tiny_classifier.trained().eval()
    graph = OnnxGraph(graphs(tiny_classifier) / "classifier.onnx")
    images = pixels(batch, tiny_classifier.transform().size)
    check_same(graph(images), [model(images)])


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "time"), [(1, 1), (1, 30), (4, 9)])
def test_a_classifier_of_texts(graphs, batch, time):
    model, words, *_ = tiny_critic.trained()
    graph = OnnxGraph(graphs(tiny_critic) / "classifier.onnx")
    inputs = texts(batch, time, len(words))
    check_same(graph(*inputs), [model.eval()(*inputs)])


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("directions", ["ahead", "both", "apart"])
def test_every_kind_of_reader(tmp_path, cell, directions):
    reader = TextEncoderSettings(
        cell=cell, directions=directions, num_layers=2, embedding_dim=6, hidden_dim=5
    )
    settings = SentimentSettings(reader, pooling=["last", "mean", "max", "attention"])
    model = SentimentClassifier(settings, 20, 3).eval()
    (graph,) = graphs_of(model, 0)
    write_graph(graph, tmp_path / "it.onnx")
    inputs = texts(3, 8, 20)
    check_same(OnnxGraph(tmp_path / "it.onnx")(*inputs), [model(*inputs)])


@pytest.mark.slow
def test_a_plain_recurrence_over_words_is_refused(tmp_path):
    settings = SentimentSettings(TextEncoderSettings(cell="rnn", embedding_dim=3, hidden_dim=2))
    (graph,) = graphs_of(SentimentClassifier(settings, 9, 2).eval(), 0)
    with pytest.raises(ValueError, match="fails on a part of it, as on a plain `rnn` over words"):
        write_graph(graph, tmp_path / "it.onnx")
    assert not (tmp_path / "it.onnx").exists()


@pytest.mark.slow
@pytest.mark.parametrize("images", [1, 3])
def test_the_search_over_a_captioners_graphs_finds_the_same_captions(graphs, images):
    model, _ = tiny_captioner.trained()
    ours = OnnxCaptioner(graphs(tiny_captioner))
    inputs = pixels(images)
    check_same(ours.encoder(inputs)[:1], [model.encoder(inputs)])
    parts, expected = ours.begin(inputs), model.begin(model.encoder(inputs))
    check_same(parts[0] + parts[1], expected[0] + expected[1])
    for search in (
        lambda step, *start: beam_search(step, *start, beam_size=4, n_best=3, max_length=9),
        lambda step, *start: greedy(step, *start, max_length=9),
    ):
        result, same = search(ours.step, *parts), search(model.step, *expected)
        assert torch.equal(result.tokens, same.tokens)
        check_same(result[2:], same[2:])


@pytest.mark.slow
@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder(tmp_path, decoder):
    model = Captioner(tiny_captioner.settings(decoder=decoder), 12).eval()
    for graph in graphs_of(model, 32):
        write_graph(graph, tmp_path / f"{graph.name}.onnx")
    ours, images = OnnxCaptioner(tmp_path), pixels(2)
    result = beam_search(ours.step, *ours.begin(images), beam_size=3, max_length=6)
    same = beam_search(model.step, *model.begin(model.encoder(images)), beam_size=3, max_length=6)
    assert torch.equal(result.tokens, same.tokens)
    check_same(result[2:], same[2:])


@pytest.mark.slow
@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_fusion_of_an_answerer(tmp_path, fusion):
    model = Answerer(tiny_answerer.settings(fusion=fusion), 15, 4).eval()
    for graph in graphs_of(model, 32):
        write_graph(graph, tmp_path / f"{graph.name}.onnx")
    images, (tokens, mask) = pixels(3), texts(3, 6, 15)
    (features,) = OnnxGraph(tmp_path / "encoder.onnx")(images)
    check_same([features], [model.encoder(images)])
    rows = torch.arange(3)
    expected = model(features, tokens, mask, rows, rows)
    check_same(OnnxGraph(tmp_path / "answerer.onnx")(features, tokens, mask), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet", "resnet18", "mobilenet_v2"])
def test_other_encoders(tmp_path, name):
    encoder = EncoderSettings(name=name, weights="none")
    size, channels = (32, 1) if name == "lenet" else (64, 3)
    model = Classifier(ClassifierSettings(encoder=encoder), 5, channels=channels).eval()
    (graph,) = graphs_of(model, size)
    write_graph(graph, tmp_path / "it.onnx")
    images = pixels(2, size, channels)
    check_same(OnnxGraph(tmp_path / "it.onnx")(images), [model(images)])


def test_another_network_has_no_graphs():
    with pytest.raises(ValueError, match="become ONNX graphs, got Linear"):
        graphs_of(nn.Linear(2, 2), 32)
