"""Every figure that a release says about itself."""
