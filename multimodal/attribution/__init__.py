"""Attribution: which parts of an input a prediction depends on.

`multimodal.explain` is the entry. A predictor gives its `evidence`: its prediction, and the score
of that prediction as a function of pixels and of word vectors. A method, a row of
`methods.METHODS`, attributes the score to regions and words; an `Explanation` holds and draws the
numbers.
"""
