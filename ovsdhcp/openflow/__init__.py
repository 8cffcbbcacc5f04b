"""The switch: flows as values, the OpenFlow 1.3 messages that carry them, one object a bridge."""
