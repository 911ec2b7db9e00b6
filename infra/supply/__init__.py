"""The supply chain: locks with hashes, what is installed, under which licences, and with which known weaknesses."""
