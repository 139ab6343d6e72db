"""The commands of the e2e test image agnhost, a file each (``test/images/agnhost``), and how they connect."""
