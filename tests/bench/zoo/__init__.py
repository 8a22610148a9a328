"""A zoo of CIFAR-10 models with and without planted backdoors, by recipe: what detection is measured on."""
