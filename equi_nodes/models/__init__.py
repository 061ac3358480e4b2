"""The networks, one file each: tensors in, tensors out."""
