"""Everything that touches the rules library of the CRDS client (package ``crds``)."""
