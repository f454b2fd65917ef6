"""What Keras takes for granted and torch does not: initialisation and batch-norm constants."""

from torch import nn


def apply_keras_defaults(module: nn.Module) -> None:
    """Start a network as Keras would, in place.

    Convolutions and linear layers get Glorot-uniform weights (Glorot and Bengio 2010) and zero
    biases; batch-norm gets epsilon 1e-3 and Keras' momentum 0.99, which torch calls 0.01.
    A depthwise kernel has Keras' fan_in and fan_out exchanged in torch; their sum, which is all
    that Glorot's rule needs, is the same.

    Args:
        module: Any network; its submodules are visited, other layers left as they are.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.eps = 1e-3
            layer.momentum = 0.01
