"""A commented question of every lever, which runs as it stands."""

from __future__ import annotations

HEAD = """\
# Questions about levers: `breakeven lever NAME FILE` answers one section, `breakeven lever all FILE` all of them.
# A number is a guess; with a range it is {value: 0.3, low: 0.2, high: 0.4}; `basis: measured` where it was measured.
levers: 1
value_usd: 0.02             # what a useful prediction brings; leave it out where nobody knows
loss_usd: 0.005             # what one that is not useful loses
predictions_per_month: 3000000
"""

SECTIONS: dict[str, str] = {
    "share": """\
share:                      # part of the traffic to a cheaper model
  share: {value: 0.6, low: 0.5, high: 0.7}
  times_cheaper: {value: 8, low: 5, high: 10}
  strong_usd: 0.004
  router_usd: 0.00002
  strong_quality: {value: 0.82, low: 0.81, high: 0.83, basis: measured}
  routed_quality: {value: 0.80, low: 0.78, high: 0.81, basis: measured}
""",
    "router": """\
router:                     # learned from what two models answered to the same prompts
  outcomes: outcomes.csv    # prompt, and one column of quality (0 to 1) for each model
  strong_usd: 0.004
  weak_usd: 0.0005
  loss_budget: 0.03         # quality that may be lost: 3 points
  level: 0.05               # and the probability with which it may be more
  labels_share: 0.6         # of the prompts to learn and calibrate on; the others judge
  calibration_share: 0.5
""",
    "cascade": """\
cascade:                    # the cheaper model first, the dearer one where a verifier rejects
  weak_usd: 0.0005
  strong_usd: 0.004
  verifier_usd: 0.0001
  weak_quality: {value: 0.68, low: 0.66, high: 0.70}
  strong_quality: {value: 0.81, low: 0.80, high: 0.82}
  strong_after_reject: {value: 0.70, low: 0.64, high: 0.76}   # what the cheap one fails is harder for both
  accepts_right: {value: 0.85, low: 0.80, high: 0.90}
  accepts_wrong: {value: 0.20, low: 0.15, high: 0.30}
  weak_s: 0.6
  strong_s: 1.8
""",
    "cache": """\
cache:                      # answers to earlier predictions that are alike
  answer_usd: 0.004
  lookup_usd: 0.00005
  hit_rate: {value: 0.30, low: 0.25, high: 0.45}
  error_rate: {value: 0.02, low: 0.01, high: 0.05}
  wrong_usd: 0.02           # what a wrong answer loses
  answer_s: 1.8
  lookup_s: 0.01
""",
    "context": """\
context:                    # fewer tokens with every call
  system_tokens: 2200
  history_tokens: {value: 1800, low: 1200, high: 2600}
  user_tokens: 150
  output_tokens: 300
  cut_tokens: 1200
  input_usd_per_mtok: 2.5
  cached_input_usd_per_mtok: 0.25
  output_usd_per_mtok: 10
  cached_share: {value: 0.6, low: 0.4, high: 0.8}
  quality: 0.80
  cut_quality: {value: 0.80, low: 0.795, high: 0.802}
""",
    "quantization": """\
quantization:               # weights in fewer bits
  serving: {model: llama-3.3-70b, accelerator: h100-sxm, accelerators: 4, precision: fp16, engine: vllm}
  to_precision: fp8
  batch: {value: 32, low: 16, high: 64}
  prompt_tokens: 1000
  output_tokens: 300
  prediction_usd: 0.004
  quality: 0.80
  quantized_quality: {value: 0.80, low: 0.796, high: 0.801}
""",
    "speculation": """\
speculation:                # a draft model proposes, the model verifies
  serving: {model: llama-3.3-70b, accelerator: h100-sxm, accelerators: 4, precision: fp8, engine: vllm}
  acceptance: {value: 0.75, low: 0.6, high: 0.85}
  draft_s: 0.0008
  draft_per_sequence_s: 0.00001
  batch: {value: 16, low: 8, high: 32}
  context_tokens: 1200
  output_tokens: 300
  replica_usd_per_hour: 12
""",
    "experts": """\
experts:                    # a mixture of experts at the batch it is served at
  serving: {model: qwen3-30b-a3b, accelerator: h100-sxm, accelerators: 1, precision: fp8, engine: vllm}
  batch: {value: 32, low: 8, high: 64}
  context_tokens: 1200
  output_tokens: 300
  replica_usd_per_hour: 3
""",
    "distillation": """\
distillation:               # a smaller model, trained once
  teacher_usd: 0.004
  student_usd: {value: 0.0006, low: 0.0005, high: 0.0009}
  training_usd: {value: 40000, low: 25000, high: 80000}
  engineering_months: {value: 4, low: 3, high: 8}
  engineer_usd_per_month: 16000
  upkeep_usd_per_month: 1500
  predictions_per_month: 3000000
  growth_per_month: {value: 0.02, low: 0, high: 0.04}
  price_fall_per_year: {value: 0.3, low: 0.1, high: 0.5}
  discount_per_year: 0.1
  life_months: 24
  quality: 0.80
  student_quality: {value: 0.795, low: 0.785, high: 0.80}
""",
    "life": """\
life:                       # training against serving
  training_usd: 250000
  serving_usd_per_month: {value: 60000, low: 40000, high: 90000}
  predictions_per_month: 3000000
  growth_per_month: {value: 0.03, low: 0, high: 0.05}
  price_fall_per_year: {value: 0.3, low: 0.1, high: 0.5}
  discount_per_year: 0.1
  life_months: 36
""",
    "samples": """\
samples:                    # several answers and a verifier
  difficulty_a: 0.122       # the chance of one sample is Beta(a, b) over prompts
  difficulty_b: 0.645
  sample_usd: 0.002
  solved_usd: {value: 0.2, low: 0.1, high: 0.4}
""",
    "reasoning": """\
reasoning:                  # tokens of thought
  points: [[250, 0.56], [500, 0.63], [1000, 0.68], [2000, 0.71], [4000, 0.735]]   # tokens, share useful
  usd_per_mtok: 10
  useful_usd: {value: 0.1, low: 0.05, high: 0.2}
  tokens: 4000
""",
    "accuracy": """\
accuracy:                   # a better model that costs more
  cost_usd: 0.0005
  better_cost_usd: 0.004
  quality: {value: 0.68, low: 0.67, high: 0.69, basis: measured}
  better_quality: {value: 0.81, low: 0.80, high: 0.82, basis: measured}
  useful_usd: {value: 0.02, low: 0.01, high: 0.03}
  wrong_usd: 0.005
""",
}


def text(name: str = "") -> str:
    """The file with every section, or with one."""
    chosen = [name] if name else list(SECTIONS)
    return "\n".join([HEAD, *(SECTIONS[one] for one in chosen)])
