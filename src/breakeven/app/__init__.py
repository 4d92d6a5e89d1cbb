"""Every use case, in about ten lines each; a module for each thing people come for."""
