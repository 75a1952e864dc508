import torch

from multimodal.vqa.fusion.contract import Questions
from multimodal.vqa.fusion.top_down import GatedTanh, TopDownFusion

IMAGE_OF, QUESTION_OF = torch.tensor([1, 0, 1]), torch.tensor([0, 0, 1])


def test_it_equals_the_papers_equations_in_a_loop():
    torch.manual_seed(0)
    fusion, regions = TopDownFusion(6, 5, fusion_dim=4), torch.randn(2, 7, 6)
    questions = Questions(
        torch.randn(2, 5), torch.zeros(2, 1, 5), torch.ones(2, 1, dtype=torch.bool)
    )
    joint, weights = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    # The matrices of the paper's f_a, which read a region and the question side by side.
    value = torch.cat([fusion.region_value.weight, fusion.question_value.weight], dim=1)
    gate = torch.cat([fusion.region_gate.weight, fusion.question_gate.weight], dim=1)
    for row, (image, question) in enumerate(zip(IMAGE_OF, QUESTION_OF, strict=True)):
        asked, scores = questions.states[question], []
        for region in regions[image]:
            beside = torch.cat([region, asked])
            gated = torch.tanh(value @ beside + fusion.question_value.bias) * torch.sigmoid(
                gate @ beside + fusion.question_gate.bias
            )
            scores.append(fusion.score(gated))
        shares = torch.cat(scores).softmax(dim=0)
        attended = sum(share * region for share, region in zip(shares, regions[image], strict=True))
        torch.testing.assert_close(joint[row], fusion.asked(asked) * fusion.seen(attended))
        torch.testing.assert_close(weights[row], shares)


def test_the_gated_layer_equals_its_equations():
    torch.manual_seed(0)
    layer, inputs = GatedTanh(3, 4), torch.randn(2, 3)
    value = torch.tanh(inputs @ layer.value.weight.t() + layer.value.bias)
    gate = torch.sigmoid(inputs @ layer.gate.weight.t() + layer.gate.bias)
    torch.testing.assert_close(layer(inputs), value * gate)
