"""The jobs: one file each, composed of the folders below."""
