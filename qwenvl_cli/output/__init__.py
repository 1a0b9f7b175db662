"""Writers: one small class per form of output, all fed with the same pieces and records."""
