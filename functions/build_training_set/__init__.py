"""Makes the set that a model learns from, of decisions and the play that followed them.

Trigger: the state machine `nightly_retraining`: `{"run", "properties"}` of its plan.
Does: joins the refined tables `decisions` and `games`; a decision's reward is the theoretical win
of the player's games in its reward window less what its offer cost. Decisions whose window is open
wait for the next night. The newest days are held out.
Emits: `train/decisions.ndjson`, `held_out/decisions.ndjson` and `summary.json` of the run; whether
that is enough to train, and why not; metrics RewardsCapped, DecisionsRejected.
"""
