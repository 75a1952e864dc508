import pytest
import torch

from multimodal.vqa.fusion.contract import Questions
from multimodal.vqa.fusion.stacked import StackedAttentionFusion

IMAGE_OF, QUESTION_OF = torch.tensor([1, 0, 1]), torch.tensor([0, 0, 1])


def _inputs():
    torch.manual_seed(1)
    questions = Questions(
        torch.randn(2, 5), torch.zeros(2, 1, 5), torch.ones(2, 1, dtype=torch.bool)
    )
    return torch.randn(2, 7, 6), questions


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_it_equals_the_papers_equations_in_a_loop(hops):
    torch.manual_seed(0)
    fusion, (regions, questions) = (
        StackedAttentionFusion(6, 5, fusion_dim=4, num_hops=hops),
        _inputs(),
    )
    joint, weights = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    for row, (image, question) in enumerate(zip(IMAGE_OF, QUESTION_OF, strict=True)):
        views = [torch.tanh(fusion.region(region)) for region in regions[image]]  # v_I
        asked = questions.states[question]  # u^0
        for hop in fusion.hops:
            hidden = [torch.tanh(hop.key(view) + hop.query(asked)) for view in views]  # h_A
            shares = torch.cat([hop.score(one) for one in hidden]).softmax(dim=0)  # p_I
            asked = asked + sum(share * view for share, view in zip(shares, views, strict=True))
        torch.testing.assert_close(joint[row], asked)
        torch.testing.assert_close(weights[row], shares)


def test_a_second_look_is_led_by_the_first():
    torch.manual_seed(0)
    fusion, (regions, questions) = StackedAttentionFusion(6, 5, fusion_dim=4), _inputs()
    _, before = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    with torch.no_grad():
        fusion.hops[0].score.weight.mul_(20)
    _, after = fusion(regions, questions, IMAGE_OF, QUESTION_OF)
    assert not torch.equal(before, after)


def test_no_look_at_all_is_refused():
    with pytest.raises(ValueError, match="`num_hops` must be at least 1, got 0"):
        StackedAttentionFusion(6, 5, num_hops=0)
