"""Sans-I/O protocols and decisions: values in, values out."""
