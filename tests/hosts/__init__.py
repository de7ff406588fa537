"""SPAF over several hosts: network namespaces of this machine, each with a service."""
