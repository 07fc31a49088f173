"""What the rule of shrink.py does not know: fields of single model types. A dict with a model_type is a configuration."""

ROTARY = {"rope_type": "default", "rope_theta": 10000.0}
SECTIONS = {"rope_parameters": {**ROTARY, "mrope_section": [2, 1, 1]}}  # of half a head of 8
BACKBONE = {
    "model_type": "resnet",
    "embedding_size": 8,
    "hidden_sizes": [8, 16, 24, 32],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
    "out_features": ["stage2", "stage3", "stage4"],
}
RESNET = {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None, "backbone_config": BACKBONE}

FIELDS = {
    **dict.fromkeys(("qwen2_vl_text", "qwen2_5_vl_text", "glm4v_text", "glm4v_moe_text", "glm_image_text"), SECTIONS),
    **dict.fromkeys(
        ("ministral", "hunyuan_v1_dense", "hunyuan_v1_moe", "hunyuan_vl_text"),
        {"rope_parameters": ROTARY, "head_dim": 8},
    ),
    **dict.fromkeys(("detr", "conditional_detr", "deformable_detr", "dab-detr", "table-transformer"), RESNET),
    **dict.fromkeys(("dac", "encodec", "xcodec"), {"codebook_size": 64}),
    **dict.fromkeys(("autoformer", "informer", "time_series_transformer"), {"prediction_length": 4}),
    "esm": {"vocab_size": 33},
    # A run on a smaller image changes the windows of such stages for good, so none may have less than two windows.
    **dict.fromkeys(("swin", "donut-swin"), {"window_size": 2, "depths": [1, 1], "num_heads": [2, 4]}),
    "gemma3n_text": {"num_kv_shared_layers": 0},
    "falcon_h1": {"mamba_d_ssm": 64},
    "lfm2_moe": {"num_dense_layers": 1},
}
