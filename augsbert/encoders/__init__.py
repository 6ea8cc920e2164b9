"""The models: LightningModules that score pairs, and the tensor functions that they are made of."""
