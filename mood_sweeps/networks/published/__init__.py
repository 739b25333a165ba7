"""The list of weights that others trained, by pretext task, backbone and stages."""
