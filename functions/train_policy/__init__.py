"""Trains a model of offers.

Trigger: the state machine `nightly_retraining`: `{"run", "hyperparameters"}`. Where `TrainingPlace`
is `sagemaker`, a training job does the same with the same entry point, `pitboss.offers.training`.
Does: learns from the run's training rows.
Emits: `model.vw` of the run, the same bytes for the same rows and hyperparameters.
"""
