"""stub"""
def hard_decoy_rank(*a, **k): return {"first": 0}
def validate_clip(out): return {}
def write_card(out): pass
