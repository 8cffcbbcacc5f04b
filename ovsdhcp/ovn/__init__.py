"""OVN's formats: userdata of its flows to what the engine knows and back, and what OVN has."""
