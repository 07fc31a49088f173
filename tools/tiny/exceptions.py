"""What the rule of shrink.py does not know: fields of single model types.

A dict with a model_type is a configuration; another one, for a part of a configuration, is of fields of that part.
"""

import transformers

IS_5 = int(transformers.__version__.partition(".")[0]) >= 5
ROTARY = {"rope_type": "default", "rope_theta": 10000.0}
ROTARIES = "rope_parameters" if IS_5 else "rope_scaling"
SECTIONS = {ROTARIES: {**ROTARY, "mrope_section": [2, 1, 1]}}  # of half a head of 8
BACKBONE = {
    "model_type": "resnet",
    "embedding_size": 8,
    "hidden_sizes": [8, 16, 24, 32],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
    "out_features": ["stage2", "stage3", "stage4"],
}
RESNET = {
    **{"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None, "backbone_kwargs": None},
    "backbone_config": BACKBONE,
}

SERIES = {"prediction_length": 4, "context_length": 12, "num_time_features": 2, "feature_size": 11}  # 7 lags and 4
SHARED = {"attention_hidden_size": 64, "attention_head_dim": 16}  # an attention that reads two states at once
SAM_PARTS = {
    "vision_config": {"output_channels": 32, "num_pos_feats": 16, "global_attn_indexes": [1]},
    "prompt_encoder_config": {"image_embedding_size": 4},
}
RATIOS = {"long": 7, "mid": 5, "short": 3}  # of the kernels of PaddleOCR's detectors
INTRACLASS = {  # kernel, stride and padding
    "reduce_channel": [1, 1, 0],
    "return_channel": [1, 1, 0],
    **{f"vertical_long_to_small_conv_{name}ratio": [[n, 1], 1, [n // 2, 0]] for name, n in RATIOS.items()},
    **{f"horizontal_small_to_long_conv_{name}ratio": [[1, n], 1, [0, n // 2]] for name, n in RATIOS.items()},
    **{f"symmetric_conv_long_{name}ratio": [n, 1, n // 2] for name, n in RATIOS.items()},
}
STAGES = ["stage1", "stage2", "stage3", "stage4"]
IMAGE_WORDS = {"<image>": 110, "<|extra_200|>": 111}
DECODER = {"model_type": "bert", "is_decoder": True, "add_cross_attention": True}
MUSIC = {
    "text_encoder": {"model_type": "t5"},
    "audio_encoder": {"model_type": "encodec"},
    "decoder": {},
}
DOTS = {"per_layer_config": {}, "use_sliding_window": False}

ARGUMENTS = {
    "encoder-decoder": {"encoder": {"model_type": "bert"}, "decoder": DECODER},
    "gemma4_assistant": {
        "text_config": {
            **{"model_type": "gemma4_text", "hidden_size_per_layer_input": 0},
            "vocab_size_per_layer_input": 0,
        }
    },
    **dict.fromkeys(("musicgen", "musicgen_melody"), MUSIC),
    "phi4_multimodal": {"vision_config": {}, "audio_config": {}},
    "speech-encoder-decoder": {"encoder": {"model_type": "wav2vec2"}, "decoder": DECODER},
    "vision-encoder-decoder": {"encoder": {"model_type": "vit"}, "decoder": DECODER},
    "vision-text-dual-encoder": {"vision_config": {"model_type": "vit"}, "text_config": {"model_type": "bert"}},
    "dots3_note_text": DOTS,
    "dots3_note": {"text_config": {"model_type": "dots3_note_text", **DOTS}},
    "lw_detr": {"projector_scale_factors": [1.0]},
    "t5gemma2_encoder": {"text_config": {"model_type": "t5gemma2_text"}},
}
"""{model type: what its configuration is made with}"""

FIELDS = {
    **dict.fromkeys(("qwen2_vl_text", "qwen2_5_vl_text", "glm4v_text", "glm4v_moe_text", "glm_image_text"), SECTIONS),
    **dict.fromkeys(("glm_ocr_text", "paddleocr_vl_text", "qwen3_vl_text", "qwen3_vl_moe_text"), SECTIONS),
    **dict.fromkeys(("qwen3_omni_moe_text", "qwen2_5_omni_text", "qwen2_5_omni_talker"), SECTIONS),
    **dict.fromkeys(("ministral", "hunyuan_v1_dense", "hunyuan_v1_moe"), {"rope_parameters": ROTARY, "head_dim": 8}),
    "hunyuan_vl_text": {**SECTIONS, "head_dim": 8},
    **dict.fromkeys(("detr", "conditional_detr", "deformable_detr", "dab-detr", "table-transformer"), RESNET),
    **dict.fromkeys(("autoformer", "informer", "time_series_transformer"), SERIES),
    "esm": {"vocab_size": 33, "pad_token_id": 1},
    **dict.fromkeys(("wav2vec2-bert", "wav2vec2-conformer"), {"vocab_size": 32}),
    **dict.fromkeys(("glpn", "poolformer"), {"num_encoder_blocks": 4, "depths": [1, 1, 1, 1]}),
    "reformer": {"is_decoder": True},
    # A run on a smaller image changes the windows of such stages for good, so none may have less than two windows.
    **dict.fromkeys(("swin", "donut-swin"), {"window_size": 2, "depths": [1, 1], "num_heads": [2, 4]}),
    "aria": {"projector_patch_to_query_dict": {16: 4}},
    "gemma3": {"mm_tokens_per_image": 4},
    "vipllava": {"vision_feature_layers": [-1, -2]},
    "gemma3n_text": {"num_kv_shared_layers": 0},
    "falcon_h1": {"mamba_d_ssm": 64},
    "blt": {"encoder_hash_byte_group_vocab": 500, "global_config": {"encoder_cross_output_size": 64}},
    "perceiver": {"num_self_attends_per_block": 2},
    "apertus1p5": {"text_config": {"vocab_size": 260}, "image_token_offset": 120, "audio_token_offset": 184},
    "molmo2": {"adapter_config": {"vision_feature_layer": [1, 0]}},
    "fun_asr_nano": {"adaptor_config": {"intermediate_size": 8}},
    "timesfm2_5": {"context_length": 128},
    "chameleon": {"vocabulary_map": IMAGE_WORDS},
    "superpoint": {"max_keypoints": 12},
    "efficientformer": {"dim": 144, "resolution": 2},
    "textnet": {"image_size": [64, 96], "hidden_sizes": [16, 16, 24, 24, 32], "stem_out_channels": 16},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "dory": {
        "num_hidden_layers": 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        **{"n_input_layers": 1, "n_recurrent_layers": 2, "n_output_layers": 1},
    },
    "emu3": {"vocabulary_map": IMAGE_WORDS},
    "cohere_compass_text": {"rope_parameters": {"full_attention": ROTARY}},
    "dbrx": {"attn_config": {"rope_theta": 10000.0, "clip_qkv": 8.0}},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "deepseek_ocr2_text": {"mlp_layer_types": ["dense", "sparse"], "num_experts_per_tok": 2, "moe_intermediate_size": 64},
    "diffusion_gemma_text": {"num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 64},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "ernie4_5_vl_moe_text": {"rope_parameters": {**ROTARY, "mrope_section": [1, 1, 2]}, "moe_intermediate_size": [32, 16]},
    "granite4_vision": {"deepstack_layer_map": [[-1, 0]], "downsample_rate": "1/2", "spatial_target_layers": [0, 1, 0, 1]},
    "nemotron": {"num_key_value_heads": 2},
    "mimi": {"upsample_groups": 32},
    "pocket_tts_audio_tokenizer": {"upsample_groups": 32},
    "vibevoice_acoustic_tokenizer": {"num_filters": 4},
    "vitmatte": {"fusion_hidden_sizes": [32, 24, 16, 8], "convstream_hidden_sizes": [8, 16, 24]},
    **dict.fromkeys(("idefics3", "smolvlm"), {"_pad_token_id": 0, "pad_token_id": 0}),
    **dict.fromkeys(("qwen2_5_omni_thinker", "qwen3_omni_moe_thinker"), {"vision_start_token_id": 108}),
    "qwen3_omni_moe_talker_text": {**SECTIONS, "shared_expert_intermediate_size": 64},
    **dict.fromkeys(("step3p7_text", "step3p5"), {"sliding_window": 8}),
    "llama4_vision_model": {"intermediate_size": 128, "projector_input_dim": 32, "projector_output_dim": 32},
    "align_vision_model": {
        "width_coefficient": 1.0,
        "in_channels": [32, 8, 8, 16, 16, 24, 24],
        "out_channels": [8, 8, 16, 16, 24, 24, 32],
        "hidden_dim": 32,
    },
    "moonshine_streaming": {"num_key_value_heads": 4},
    "t5gemma2_text": {"dropout_rate": 0.0},
    **dict.fromkeys(("vibevoice_acoustic_tokenizer_encoder", "vibevoice_acoustic_tokenizer_decoder"), {"num_filters": 4}),
    "wavtokenizer_encoder": {"codebook_dim": 32},
    "zamba": {"num_hidden_layers": 4, "layers_block_type": ["mamba", "hybrid"] * 2, **SHARED},
    "lfm2_moe": {"num_dense_layers": 1, "num_experts_per_tok": 2, "layer_types": ["conv", "full_attention"]},
    **dict.fromkeys(("gemma4_assistant", "gemma4_unified_assistant"), {"text_config": {"num_kv_shared_layers": 2}}),
    "maskformer": {"backbone_config": {**BACKBONE, "out_features": STAGES}},
    # Where the two widths differ, these have projections that no checkpoint holds.
    "mask2former": {"backbone_config": {**BACKBONE, "out_features": STAGES}, "feature_size": 64, "hidden_dim": 64},
    "oneformer": {"backbone_config": {**BACKBONE, "out_features": STAGES}, "conv_dim": 64, "mask_dim": 64, "hidden_dim": 64},
    "zamba2": {**SHARED, "mamba_headdim": 16, "hybrid_layer_ids": [1]},
    "zoedepth": {"bottleneck_features": 32},
    "qwen3_omni_moe": {"talker_config": {"spatial_merge_size": 2}},
    "pvt": {"num_encoder_blocks": 4},
    "sam": SAM_PARTS,
    "sam_hq": {**SAM_PARTS, "mask_decoder_config": {"vit_dim": 32}},
    "sam2": {"vision_config": {"backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]]}},
    "sam2_hiera_det_model": {"hidden_size": 16},
    "sam3_tracker": {"vision_config": {"backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]]}},
    "uvdoc": {"backbone_config": {"out_features": [*STAGES, "stage5", "stage6"]}},
    **dict.fromkeys(
        ("pp_ocrv5_server_det", "pp_ocrv6_small_det", "pp_ocrv6_medium_det"),
        {
            "backbone_config": {**BACKBONE, "out_features": STAGES, "stage_out_channels": BACKBONE["hidden_sizes"]},
            "intraclass_block_config": INTRACLASS,
            "layer_list_out_channels": BACKBONE["hidden_sizes"],
            "kernel_list": [3, 2, 2],
            "scale_factor_list": [1, 2, 4, 8],
        },
    ),
    "pp_doclayout_v2": {
        "class_thresholds": [0.5] * 20,
        "class_order": list(range(20)),
        "backbone_config": {
            "stem_channels": [3, 16, 16],
            "stage_in_channels": [16, 32, 64, 128],
            "stage_mid_channels": [8, 8, 16, 16],
            "stage_out_channels": [32, 64, 128, 256],
            "hidden_sizes": [32, 64, 128, 256],
        },
        "encoder_in_channels": [64, 128, 256],
        "encoder_hidden_dim": 32,
        "decoder_in_channels": [32, 32, 32],
    },
    **dict.fromkeys(("granite_speech5_encoder", "granite_speech5_ctc"), {"context_size": 8}),
    **dict.fromkeys(("mimi_decoder", "pocket_tts_audio_tokenizer_decoder"), {"upsample_groups": 32}),
    "muse_spark_audio": {"num_hidden_layers": 4},
    "xcodec": {"acoustic_model_config": {"encoder_hidden_size": 8, "hidden_size": 128}, "codebook_dim": 160},
    **dict.fromkeys(("neucodec", "xcodec2"), {"quantization_dim": 64}),
    **dict.fromkeys(("blip-2", "instructblip"), {"image_token_index": 110}),
    "instructblipvideo": {"video_token_index": 110},
    "mistral4": {"head_dim": 16},
    "clvp_encoder": {"num_attention_heads": 1},
    "clvp_decoder": {"decoder_fixing_codes": [83, 45, 45, 90]},
    "dots3_note": {
        "vision_config": {"adapter_in_dim": 32, "adapter_out_dim": 32},
        "audio_config": {"adapter_input_size": 32, "adapter_out_dim": 32},
    },
    "xmod": {"default_language": "en_XX"},
    "fastspeech2_conformer_with_hifigan": {"vocoder_config": {"model_in_dim": 80}},
    "depth_pro": {"intermediate_hook_ids": [1, 0]},
    "tvp": {"type_vocab_size": 2, "max_img_size": 64, "visual_prompt_size": 16, "num_frames": 3},
    "dpt": {"num_hidden_layers": 4, "backbone_out_indices": [0, 1, 2, 3]},
    "qwen4_exp_text": {
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 8,
        "indexer_budget": 8,
        "indexer_compress_ratio": 2,
        "ngram_vocab_size_base": 100,
    },
}
"""{model type: fields}"""

FIELDS_OF_4 = {
    "Glm4vMoe_text": SECTIONS,
    "EvollaModel": {"num_key_value_heads": 4},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"]},
    "mllama_text_model": {"rope_scaling": ROTARY},
    "superglue": {"keypoint_encoder_sizes": [16, 32], "gnn_layers_types": ["self", "cross"]},
    **dict.fromkeys(("jamba", "zamba"), {"use_mamba_kernels": False}),
}
"""The same for Transformers 4, where 5 has other defaults."""
if not IS_5:
    FIELDS = {**FIELDS, **{name: {**FIELDS.get(name, {}), **fields} for name, fields in FIELDS_OF_4.items()}}
