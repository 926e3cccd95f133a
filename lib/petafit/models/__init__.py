"""What is published: models, their manifests, versions and aliases."""
