"""Static scans of model files, one file per format, and hash manifests of data sets. Nothing is ever executed or unpickled."""
