"""The plugins of a Corefile that ``kubesvc dns`` serves: ``catalogue`` names the file of each."""
