"""Published models: manifests, versions and aliases."""
