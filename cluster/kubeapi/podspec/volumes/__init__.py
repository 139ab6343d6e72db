"""What the volumes of a pod must be (pkg/apis/core/validation). Pure."""
