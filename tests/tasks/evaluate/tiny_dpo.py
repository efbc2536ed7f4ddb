"""One DPO step with trl on a model of a few thousand random weights; no download."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }} {{ eos_token }} {% endfor %}"


def train_one_step(rows: list[dict[str, Any]], folder: Path) -> tuple[float, float, float]:
    """Return the sum of one weight matrix before and after, and the loss."""
    import torch
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
    from trl import DPOConfig, DPOTrainer

    words = sorted(
        {w for r in rows for m in (*r["prompt"], *r["chosen"], *r["rejected"]) for w in m["content"].split()}
    )
    vocabulary = {w: i for i, w in enumerate(["<unk>", "<eos>", "user:", "assistant:", *words])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="<unk>", eos_token="<eos>", pad_token="<eos>"
    )
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(1)
    model = GPT2LMHeadModel(
        GPT2Config(vocab_size=len(vocabulary), n_positions=128, n_embd=16, n_layer=1, n_head=2)
    )
    weight = model.transformer.h[0].mlp.c_fc.weight
    before = float(weight.detach().abs().sum())
    arguments = DPOConfig(
        output_dir=str(folder),
        max_steps=1,
        per_device_train_batch_size=2,
        learning_rate=1e-2,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        bf16=False,
        gradient_checkpointing=False,
    )
    columns = ("prompt", "chosen", "rejected")
    dataset = Dataset.from_list([{k: r[k] for k in columns} for r in rows])
    trainer = DPOTrainer(
        model=model,
        ref_model=copy.deepcopy(model),
        args=arguments,
        train_dataset=dataset,
        processing_class=tokenizer,
    )
    result = trainer.train()
    return (
        before,
        float(trainer.model.transformer.h[0].mlp.c_fc.weight.detach().abs().sum()),
        result.training_loss,
    )
