"""The update by hand, with a rate that is not the optimizer's."""

import discuss140781_own as by_hand

model = by_hand.model


def optimizer(model):
    return by_hand.ByHand(model.parameters(), 0.02)
