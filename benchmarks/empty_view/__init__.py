"""The product's server with one view more, which does nothing: the yardstick of rpc_rate.py."""
