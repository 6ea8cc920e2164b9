"""Data sets: parts that read gold pairs of one domain into ``augsbert.pairs.Splits``."""
