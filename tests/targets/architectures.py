"""A table of transformers' architectures, each built small from its config, with a sample; no downloads.

`python -m benchmarks.architectures` converts and verifies them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

WORDS = 99
LENGTH = 12
"""Tokens of a text sample; shorter than every position table, and unlike every width."""


@dataclass(frozen=True)
class Architecture:
    """A model class of transformers, what its config has apart from defaults, and the kind of its sample.

    `refused` says why no conversion can be right: shapes that depend on the values, random choices.
    """

    name: str
    model: str
    sample: str
    config: Mapping[str, object] = field(default_factory=dict)
    refused: str = ""


TEXT = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
DECODER = {**TEXT, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
GROUPED = {**DECODER, "num_key_value_heads": 2}
EXPERTS = {**GROUPED, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
VISION = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
PATCHES = {**VISION, "image_size": 32, "patch_size": 8}
SEQ2SEQ = {
    "vocab_size": WORDS,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
}
T5 = {
    "vocab_size": WORDS,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
    "pad_token_id": 0,
    "decoder_start_token_id": 0,
}
SPEECH = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": (32, 32, 32),
    "conv_stride": (5, 2, 2),
    "conv_kernel": (10, 3, 3),
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
STAGES = {"embed_dim": 16, "depths": (1, 2), "num_heads": (2, 4), "window_size": 4, "image_size": 32, "patch_size": 2}
DATA = "an expert takes the tokens that chose it, and how many did is known only when the model runs"
KEYPOINTS = "it returns as many keypoints as it finds"


ENCODERS = (
    Architecture("bert", "BertModel", "text", TEXT),
    Architecture("roberta", "RobertaModel", "text", TEXT),
    Architecture("distilbert", "DistilBertModel", "text", {**TEXT, "hidden_dim": 64}),
    Architecture("albert", "AlbertModel", "text", {**TEXT, "embedding_size": 16}),
    Architecture("electra", "ElectraModel", "text", {**TEXT, "embedding_size": 16}),
    Architecture(
        "deberta", "DebertaModel", "text", {**TEXT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
    ),
    Architecture(
        "deberta-v2",
        "DebertaV2Model",
        "text",
        {**TEXT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8},
    ),
    Architecture("mpnet", "MPNetModel", "text", TEXT),
    Architecture("xlm-roberta", "XLMRobertaModel", "text", TEXT),
    Architecture("camembert", "CamembertModel", "text", TEXT),
    Architecture(
        "funnel",
        "FunnelModel",
        "text",
        {"vocab_size": WORDS, "d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 64, "block_sizes": [1, 2]},
    ),
    Architecture("squeezebert", "SqueezeBertModel", "text", {**TEXT, "embedding_size": 32}),
    Architecture("mobilebert", "MobileBertModel", "text", {**TEXT, "embedding_size": 16, "intra_bottleneck_size": 16}),
    Architecture(
        "xlnet", "XLNetModel", "text", {"vocab_size": WORDS, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64}
    ),
    Architecture("roformer", "RoFormerModel", "text", {**TEXT, "embedding_size": 32}),
    Architecture("ernie", "ErnieModel", "text", TEXT),
    Architecture(
        "nystromformer",
        "NystromformerModel",
        "text",
        {**TEXT, "num_landmarks": LENGTH, "segment_means_seq_len": LENGTH},
    ),
    Architecture("convbert", "ConvBertModel", "text", {**TEXT, "embedding_size": 16}),
    Architecture("megatron-bert", "MegatronBertModel", "text", TEXT),
    Architecture(
        "modernbert", "ModernBertModel", "text", {**DECODER, "global_attn_every_n_layers": 2, "local_attention": 8}
    ),
    Architecture("ibert", "IBertModel", "text", TEXT),
    Architecture("rembert", "RemBertModel", "text", TEXT),
    Architecture(
        "esm", "EsmModel", "text", {**TEXT, "mask_token_id": 4, "pad_token_id": 1, "position_embedding_type": "rotary"}
    ),
    Architecture(
        "xlm",
        "XLMModel",
        "text",
        {"vocab_size": WORDS, "emb_dim": 32, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 64},
    ),
    Architecture("splinter", "SplinterModel", "text", TEXT),
    Architecture("data2vec-text", "Data2VecTextModel", "text", TEXT),
    Architecture("longformer", "LongformerModel", "text", {**TEXT, "attention_window": 4}),
    Architecture("big-bird", "BigBirdModel", "text", {**TEXT, "attention_type": "original_full"}),
    Architecture("fnet", "FNetModel", "text_only", TEXT),
    Architecture("canine", "CanineModel", "text", {**TEXT, "local_transformer_stride": 4, "downsampling_rate": 4}),
    Architecture("layoutlm", "LayoutLMModel", "text", TEXT),
    Architecture("luke", "LukeModel", "text", {**TEXT, "entity_vocab_size": 20, "entity_emb_size": 16}),
    Architecture("roberta-prelayernorm", "RobertaPreLayerNormModel", "text", TEXT),
    Architecture("nomic-bert", "NomicBertModel", "text", TEXT),
    Architecture("yoso", "YosoModel", "text", {**TEXT, "use_expectation": True}),
    Architecture("mra", "MraModel", "text", {**TEXT, "max_position_embeddings": 64}),
)

DECODERS = (
    Architecture("gpt2", "GPT2Model", "text", DECODER),
    Architecture("gpt2-lm", "GPT2LMHeadModel", "text", DECODER),
    Architecture(
        "gpt_neo", "GPTNeoModel", "text", {**DECODER, "attention_types": [[["global", "local"], 1]], "window_size": 4}
    ),
    Architecture("gptj", "GPTJModel", "text", {**DECODER, "rotary_dim": 4}),
    Architecture("gpt_neox", "GPTNeoXModel", "text", DECODER),
    Architecture("gpt_bigcode", "GPTBigCodeModel", "text", DECODER),
    Architecture("codegen", "CodeGenModel", "text", {**DECODER, "rotary_dim": 4}),
    Architecture("opt", "OPTModel", "text", {**DECODER, "ffn_dim": 64, "word_embed_proj_dim": 32}),
    Architecture("bloom", "BloomModel", "text", DECODER),
    Architecture("mpt", "MptModel", "text", {**DECODER, "max_seq_len": 64}),
    Architecture("xglm", "XGLMModel", "text", {**DECODER, "ffn_dim": 64}),
    Architecture("biogpt", "BioGptModel", "text", DECODER),
    Architecture("openai-gpt", "OpenAIGPTModel", "text", DECODER),
    Architecture("ctrl", "CTRLModel", "text", {**DECODER, "dff": 64}),
    Architecture("llama", "LlamaModel", "text", GROUPED),
    Architecture("llama-lm", "LlamaForCausalLM", "text", GROUPED),
    Architecture("mistral", "MistralModel", "text", {**GROUPED, "sliding_window": 4}),
    Architecture("mixtral", "MixtralModel", "text", {**EXPERTS, "num_local_experts": 4}),
    Architecture("qwen2", "Qwen2Model", "text", GROUPED),
    Architecture(
        "qwen2_moe", "Qwen2MoeModel", "text", {**EXPERTS, "num_experts": 4, "shared_expert_intermediate_size": 32}
    ),
    Architecture("qwen3", "Qwen3Model", "text", {**GROUPED, "head_dim": 8}),
    Architecture("qwen3_moe", "Qwen3MoeModel", "text", {**EXPERTS, "num_experts": 4, "head_dim": 8}),
    Architecture("gemma", "GemmaModel", "text", {**GROUPED, "head_dim": 8}),
    Architecture("gemma2", "Gemma2Model", "text", {**GROUPED, "head_dim": 8, "sliding_window": 4}),
    Architecture("gemma3", "Gemma3TextModel", "text", {**GROUPED, "head_dim": 8, "sliding_window": 4}),
    Architecture("phi", "PhiModel", "text", GROUPED),
    Architecture("phi3", "Phi3Model", "text", GROUPED),
    Architecture("phimoe", "PhimoeModel", "text", {**EXPERTS, "num_local_experts": 4}),
    Architecture("falcon", "FalconModel", "text", DECODER),
    Architecture("stablelm", "StableLmModel", "text", GROUPED),
    Architecture("olmo", "OlmoModel", "text", GROUPED),
    Architecture("olmo2", "Olmo2Model", "text", GROUPED),
    Architecture("olmoe", "OlmoeModel", "text", {**EXPERTS, "num_experts": 4}),
    Architecture("granite", "GraniteModel", "text", GROUPED),
    Architecture("granitemoe", "GraniteMoeModel", "text", {**EXPERTS, "num_local_experts": 4}),
    Architecture("cohere", "CohereModel", "text", GROUPED),
    Architecture("cohere2", "Cohere2Model", "text", {**GROUPED, "sliding_window": 4}),
    Architecture("starcoder2", "Starcoder2Model", "text", GROUPED),
    Architecture("smollm3", "SmolLM3Model", "text", GROUPED),
    Architecture("glm", "GlmModel", "text", {**GROUPED, "head_dim": 8}),
    Architecture("nemotron", "NemotronModel", "text", {**GROUPED, "head_dim": 8}),
    Architecture("persimmon", "PersimmonModel", "text", DECODER),
    Architecture("helium", "HeliumModel", "text", {**GROUPED, "head_dim": 8}),
    Architecture("ernie4_5", "Ernie4_5Model", "text", {**GROUPED, "head_dim": 8}),
    Architecture(
        "deepseek_v2",
        "DeepseekV2Model",
        "text",
        {
            **EXPERTS,
            "num_key_value_heads": 4,
            "n_routed_experts": 4,
            "n_group": 2,
            "topk_group": 1,
            "kv_lora_rank": 8,
            "q_lora_rank": 8,
            "qk_rope_head_dim": 4,
            "qk_nope_head_dim": 4,
            "v_head_dim": 8,
            "first_k_dense_replace": 1,
        },
    ),
    Architecture(
        "deepseek_v3",
        "DeepseekV3Model",
        "text",
        {
            **EXPERTS,
            "num_key_value_heads": 4,
            "n_routed_experts": 4,
            "n_group": 2,
            "topk_group": 1,
            "kv_lora_rank": 8,
            "q_lora_rank": 8,
            "qk_rope_head_dim": 4,
            "qk_nope_head_dim": 4,
            "v_head_dim": 8,
            "first_k_dense_replace": 1,
        },
    ),
    Architecture(
        "gpt_oss", "GptOssModel", "text", {**EXPERTS, "num_local_experts": 4, "head_dim": 8, "sliding_window": 4}
    ),
    Architecture(
        "jetmoe", "JetMoeModel", "text", {**DECODER, "num_local_experts": 4, "num_key_value_heads": 2, "kv_channels": 8}
    ),
    Architecture("lfm2", "Lfm2Model", "text", {**GROUPED, "layer_types": ["conv", "full_attention"]}),
    Architecture(
        "dbrx",
        "DbrxModel",
        "text",
        {
            "d_model": 32,
            "n_heads": 4,
            "n_layers": 2,
            "max_seq_len": 64,
            "vocab_size": WORDS,
            "attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 1e4},
            "ffn_config": {"ffn_hidden_size": 32, "moe_num_experts": 4, "moe_top_k": 2, "hidden_size": 32},
        },
        refused=DATA,
    ),
    Architecture("mamba", "MambaModel", "text_only", {**DECODER, "state_size": 4, "time_step_rank": 4}),
    Architecture(
        "mamba2",
        "Mamba2Model",
        "text_only",
        {**DECODER, "state_size": 4, "num_heads": 8, "head_dim": 8, "n_groups": 2, "chunk_size": 4},
    ),
    Architecture("falcon_mamba", "FalconMambaModel", "text_only", {**DECODER, "state_size": 4, "time_step_rank": 4}),
    Architecture("rwkv", "RwkvModel", "text_only", {**DECODER, "attention_hidden_size": 32, "context_length": 64}),
    Architecture(
        "recurrent_gemma",
        "RecurrentGemmaModel",
        "text",
        {**GROUPED, "lru_width": 32, "attention_window_size": 8, "block_types": ["recurrent", "attention"]},
    ),
)

ENCODER_DECODERS = (
    Architecture("t5", "T5Model", "pair", T5),
    Architecture("t5-encoder", "T5EncoderModel", "text", T5),
    Architecture("umt5", "UMT5Model", "pair", T5),
    Architecture("longt5", "LongT5Model", "pair", {**T5, "local_radius": 4}),
    Architecture(
        "switch", "SwitchTransformersModel", "pair", {**T5, "num_experts": 2, "expert_capacity": 16}, refused=DATA
    ),
    Architecture("bart", "BartModel", "pair", SEQ2SEQ),
    Architecture("mbart", "MBartModel", "pair", SEQ2SEQ),
    Architecture("pegasus", "PegasusModel", "pair", SEQ2SEQ),
    Architecture("marian", "MarianModel", "pair", SEQ2SEQ),
    Architecture("blenderbot", "BlenderbotModel", "pair", SEQ2SEQ),
    Architecture("m2m_100", "M2M100Model", "pair", SEQ2SEQ),
    Architecture("plbart", "PLBartModel", "pair", SEQ2SEQ),
    Architecture(
        "led",
        "LEDModel",
        "pair",
        {
            **SEQ2SEQ,
            "attention_window": 4,
            "max_encoder_position_embeddings": 64,
            "max_decoder_position_embeddings": 64,
        },
    ),
    Architecture(
        "fsmt",
        "FSMTModel",
        "pair",
        {**SEQ2SEQ, "src_vocab_size": WORDS, "tgt_vocab_size": WORDS, "langs": ["en", "de"]},
    ),
    Architecture(
        "prophetnet",
        "ProphetNetModel",
        "pair",
        {
            "vocab_size": WORDS,
            "hidden_size": 32,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "num_encoder_layers": 2,
            "num_decoder_layers": 2,
            "num_encoder_attention_heads": 4,
            "num_decoder_attention_heads": 4,
            "max_position_embeddings": 64,
        },
    ),
    Architecture("bigbird_pegasus", "BigBirdPegasusModel", "pair", {**SEQ2SEQ, "attention_type": "original_full"}),
)

AUDIO = (
    Architecture(
        "whisper",
        "WhisperModel",
        "mel",
        {**SEQ2SEQ, "num_mel_bins": 8, "max_source_positions": 20, "max_target_positions": 32},
    ),
    Architecture("wav2vec2", "Wav2Vec2Model", "wave", SPEECH),
    Architecture(
        "wav2vec2-ctc",
        "Wav2Vec2ForCTC",
        "wave",
        {**SPEECH, "vocab_size": WORDS, "do_stable_layer_norm": True, "feat_extract_norm": "layer"},
    ),
    Architecture("hubert", "HubertModel", "wave", SPEECH),
    Architecture("wavlm", "WavLMModel", "wave", SPEECH),
    Architecture("unispeech_sat", "UniSpeechSatModel", "wave", SPEECH),
    Architecture("sew", "SEWModel", "wave", {**SPEECH, "squeeze_factor": 2}),
    Architecture(
        "data2vec-audio",
        "Data2VecAudioModel",
        "wave",
        {**SPEECH, "conv_pos_kernel_size": 5, "num_conv_pos_embeddings": 2},
    ),
    Architecture(
        "wav2vec2_conformer", "Wav2Vec2ConformerModel", "wave", {**SPEECH, "position_embeddings_type": "relative"}
    ),
    Architecture(
        "wav2vec2_bert",
        "Wav2Vec2BertModel",
        "features",
        {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "feature_projection_input_dim": 16,
        },
    ),
    Architecture(
        "ast",
        "ASTModel",
        "spectrum",
        {**VISION, "patch_size": 4, "max_length": 24, "num_mel_bins": 16, "frequency_stride": 4, "time_stride": 4},
    ),
    Architecture(
        "moonshine",
        "MoonshineModel",
        "wave_pair",
        {
            **GROUPED,
            "encoder_num_hidden_layers": 2,
            "decoder_num_hidden_layers": 2,
            "encoder_num_attention_heads": 4,
            "decoder_num_attention_heads": 4,
        },
    ),
    Architecture(
        "encodec",
        "EncodecModel",
        "codec",
        {
            "num_filters": 4,
            "hidden_size": 16,
            "codebook_size": 32,
            "codebook_dim": 16,
            "upsampling_ratios": [4, 2],
            "target_bandwidths": [24.0],
        },
    ),
)

IMAGES = (
    Architecture("vit", "ViTModel", "image", PATCHES),
    Architecture("vit-classifier", "ViTForImageClassification", "image", PATCHES),
    Architecture("deit", "DeiTModel", "image", PATCHES),
    Architecture("swin", "SwinModel", "image", STAGES),
    Architecture("swinv2", "Swinv2Model", "image", STAGES),
    Architecture("beit", "BeitModel", "image", {**PATCHES, "use_relative_position_bias": True, "out_indices": [1, 2]}),
    Architecture(
        "data2vec-vision",
        "Data2VecVisionModel",
        "image",
        {**PATCHES, "use_shared_relative_position_bias": True, "out_indices": [1, 2]},
    ),
    Architecture("convnext", "ConvNextModel", "image", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]}),
    Architecture("convnextv2", "ConvNextV2Model", "image", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]}),
    Architecture(
        "resnet",
        "ResNetModel",
        "image",
        {"embedding_size": 8, "hidden_sizes": [16, 16, 32, 32], "depths": [1, 1, 2, 1]},
    ),
    Architecture(
        "regnet",
        "RegNetModel",
        "image",
        {"embedding_size": 8, "hidden_sizes": [16, 16, 32, 32], "depths": [1, 1, 2, 1], "groups_width": 8},
    ),
    Architecture(
        "mobilevit",
        "MobileViTModel",
        "image64",
        {"hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [8, 8, 16, 16, 24, 32, 32], "image_size": 64},
    ),
    Architecture("mobilevitv2", "MobileViTV2Model", "image64", {"image_size": 64, "width_multiplier": 0.25}),
    Architecture(
        "mobilevit-seg",
        "MobileViTForSemanticSegmentation",
        "image64",
        {
            "hidden_sizes": [16, 24, 32],
            "neck_hidden_sizes": [8, 8, 16, 16, 24, 32, 32],
            "image_size": 64,
            "aspp_out_channels": 16,
        },
    ),
    Architecture("mobilenet_v1", "MobileNetV1Model", "image", {"depth_multiplier": 0.25, "min_depth": 4}),
    Architecture("mobilenet_v2", "MobileNetV2Model", "image", {"depth_multiplier": 0.25, "min_depth": 4}),
    Architecture(
        "efficientnet",
        "EfficientNetModel",
        "image",
        {"width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 320, "image_size": 32},
    ),
    Architecture("segformer", "SegformerModel", "image64", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}),
    Architecture(
        "segformer-seg",
        "SegformerForSemanticSegmentation",
        "image64",
        {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "decoder_hidden_size": 16},
    ),
    Architecture(
        "dpt",
        "DPTForDepthEstimation",
        "image",
        {
            **PATCHES,
            "num_hidden_layers": 4,
            "is_hybrid": False,
            "backbone_out_indices": [0, 1, 2, 3],
            "neck_hidden_sizes": [8, 16, 16, 32],
            "fusion_hidden_size": 16,
            "reassemble_factors": [4, 2, 1, 0.5],
        },
    ),
    Architecture(
        "depth_anything",
        "DepthAnythingForDepthEstimation",
        "image",
        {
            "backbone_config": {
                "model_type": "dinov2",
                **PATCHES,
                "num_hidden_layers": 4,
                "out_indices": [1, 2, 3, 4],
                "reshape_hidden_states": False,
                "apply_layernorm": True,
            },
            "patch_size": 8,
            "reassemble_hidden_size": 32,
            "neck_hidden_sizes": [8, 8, 16, 16],
            "fusion_hidden_size": 8,
            "head_hidden_size": 4,
        },
    ),
    Architecture("clip-text", "CLIPTextModel", "text", DECODER),
    Architecture("clip-vision", "CLIPVisionModel", "image", PATCHES),
    Architecture(
        "clip", "CLIPModel", "text_image", {"text_config": DECODER, "vision_config": PATCHES, "projection_dim": 16}
    ),
    Architecture("siglip-text", "SiglipTextModel", "text", DECODER),
    Architecture("siglip-vision", "SiglipVisionModel", "image", PATCHES),
    Architecture("dinov2", "Dinov2Model", "image", PATCHES),
    Architecture("dinov2-bicubic", "Dinov2Model", "image64", PATCHES),
    Architecture("dinov3", "DINOv3ViTModel", "image", PATCHES),
    Architecture("poolformer", "PoolFormerModel", "image64", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]}),
    Architecture(
        "levit",
        "LevitModel",
        "image64",
        {
            "image_size": 64,
            "hidden_sizes": [16, 24, 32],
            "num_attention_heads": [2, 3, 4],
            "depths": [1, 1, 1],
            "key_dim": [4, 4, 4],
        },
    ),
    Architecture("cvt", "CvtModel", "image64", {"embed_dim": [8, 16, 32], "num_heads": [1, 2, 4], "depth": [1, 2, 3]}),
    Architecture(
        "pvt",
        "PvtModel",
        "image64",
        {
            "image_size": 64,
            "hidden_sizes": [8, 16, 24, 32],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 2, 2, 4],
        },
    ),
    Architecture(
        "pvt_v2",
        "PvtV2Model",
        "image64",
        {
            "image_size": 64,
            "hidden_sizes": [8, 16, 24, 32],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 2, 2, 4],
        },
    ),
    Architecture(
        "bit",
        "BitModel",
        "image",
        {"embedding_size": 8, "hidden_sizes": [16, 16, 32, 32], "depths": [1, 1, 1, 1], "num_groups": 4},
    ),
    Architecture(
        "focalnet",
        "FocalNetModel",
        "image",
        {
            "image_size": 32,
            "embed_dim": 16,
            "hidden_sizes": [16, 32],
            "depths": [1, 1],
            "focal_levels": [2, 2],
            "focal_windows": [3, 3],
            "patch_size": 2,
        },
    ),
    Architecture("yolos", "YolosModel", "image", {**PATCHES, "image_size": [32, 32], "num_detection_tokens": 5}),
    Architecture(
        "glpn",
        "GLPNForDepthEstimation",
        "image64",
        {
            "hidden_sizes": [8, 16, 24, 32],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 2, 4, 8],
            "decoder_hidden_size": 16,
        },
    ),
    Architecture(
        "hiera",
        "HieraModel",
        "image64",
        {"image_size": [64, 64], "embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 4]},
    ),
    Architecture(
        "swiftformer",
        "SwiftFormerModel",
        "image64",
        {"depths": [1, 1, 1, 1], "embed_dims": [8, 16, 24, 32], "image_size": 64},
    ),
    Architecture(
        "swin2sr",
        "Swin2SRForImageSuperResolution",
        "image",
        {"embed_dim": 16, "depths": [2], "num_heads": [2], "window_size": 4, "image_size": 32, "upscale": 2},
    ),
    Architecture(
        "upernet",
        "UperNetForSemanticSegmentation",
        "image64",
        {
            "backbone_config": {
                "model_type": "convnext",
                "hidden_sizes": [8, 16, 24, 32],
                "depths": [1, 1, 1, 1],
                "out_features": ["stage1", "stage2", "stage3", "stage4"],
            },
            "hidden_size": 16,
            "auxiliary_in_channels": 24,
            "auxiliary_channels": 8,
            "auxiliary_in_index": 2,
            "num_labels": 5,
            "pool_scales": [1, 2],
        },
    ),
    Architecture("videomae", "VideoMAEModel", "video", {**PATCHES, "num_frames": 4}),
    Architecture("timesformer", "TimesformerModel", "video", {**PATCHES, "num_frames": 4}),
    Architecture(
        "vivit", "VivitModel", "video", {**VISION, "image_size": 32, "num_frames": 4, "tubelet_size": [2, 8, 8]}
    ),
    Architecture(
        "detr",
        "DetrForObjectDetection",
        "image64",
        {
            "use_timm_backbone": False,
            "use_pretrained_backbone": False,
            "backbone": None,
            "d_model": 32,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 32,
            "decoder_ffn_dim": 32,
            "num_queries": 5,
            "num_labels": 3,
            "backbone_config": {
                "model_type": "resnet",
                "embedding_size": 8,
                "hidden_sizes": [16, 16, 32, 32],
                "depths": [1, 1, 1, 1],
                "out_features": ["stage4"],
            },
        },
    ),
    Architecture(
        "rt_detr",
        "RTDetrForObjectDetection",
        "image64",
        {
            "d_model": 32,
            "encoder_hidden_dim": 32,
            "encoder_ffn_dim": 32,
            "encoder_attention_heads": 4,
            "encoder_in_channels": [16, 32, 32],
            "decoder_in_channels": [32, 32, 32],
            "decoder_layers": 1,
            "decoder_ffn_dim": 32,
            "decoder_attention_heads": 4,
            "num_queries": 5,
            "num_labels": 3,
            "num_denoising": 0,
            "anchor_image_size": None,
            "backbone_config": {
                "model_type": "rt_detr_resnet",
                "embedding_size": 8,
                "hidden_sizes": [16, 16, 32, 32],
                "depths": [1, 1, 1, 1],
                "out_features": ["stage2", "stage3", "stage4"],
                "layer_type": "bottleneck",
            },
        },
    ),
    Architecture(
        "vilt",
        "ViltModel",
        "text_image",
        {**TEXT, **PATCHES, "max_image_length": -1},
        refused="it draws patches at random",
    ),
    Architecture("blip-vision", "BlipVisionModel", "image", PATCHES),
    Architecture(
        "sam-vision",
        "SamVisionModel",
        "image64",
        {
            **PATCHES,
            "image_size": 64,
            "mlp_dim": 64,
            "output_channels": 16,
            "window_size": 3,
            "global_attn_indexes": [1],
        },
    ),
    Architecture(
        "superpoint",
        "SuperPointForKeypointDetection",
        "image64",
        {
            "encoder_hidden_sizes": [8, 8, 16, 16],
            "decoder_hidden_size": 16,
            "keypoint_decoder_dim": 65,
            "descriptor_decoder_dim": 16,
        },
        refused=KEYPOINTS,
    ),
)

SERIES = (
    Architecture(
        "patchtst",
        "PatchTSTForPrediction",
        "series",
        {
            "num_input_channels": 3,
            "context_length": 24,
            "patch_length": 4,
            "patch_stride": 4,
            "d_model": 16,
            "num_attention_heads": 4,
            "ffn_dim": 32,
            "num_hidden_layers": 2,
            "prediction_length": 4,
        },
    ),
    Architecture(
        "patchtsmixer",
        "PatchTSMixerForPrediction",
        "series",
        {
            "num_input_channels": 3,
            "context_length": 24,
            "patch_length": 4,
            "patch_stride": 4,
            "d_model": 16,
            "num_layers": 2,
            "prediction_length": 4,
        },
    ),
    Architecture(
        "decision_transformer",
        "DecisionTransformerModel",
        "decisions",
        {"state_dim": 5, "act_dim": 2, "hidden_size": 32, "n_layer": 2, "n_head": 4, "max_ep_len": 20},
    ),
)

ARCHITECTURES: Mapping[str, Architecture] = {
    each.name: each for each in (*ENCODERS, *DECODERS, *ENCODER_DECODERS, *AUDIO, *IMAGES, *SERIES)
}


def build(architecture: Architecture) -> nn.Module:
    """Return the model in eval mode, with weights of which no two are alike."""
    import transformers

    torch.manual_seed(0)
    kind = getattr(transformers, architecture.model)
    model = kind(kind.config_class(**architecture.config)).eval()
    _vary(model)
    return model


def sample_of(architecture: Architecture) -> dict[str, np.ndarray]:
    """Return one set of inputs."""
    rng = np.random.default_rng(1)
    return SAMPLES[architecture.sample](rng)


def _vary(model: nn.Module) -> None:
    """Give a value of its own to what starts as zeros, ones or a tiny constant: biases, scales, tokens, statistics."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if (
                parameter.is_floating_point()
                and parameter.numel() > 1
                and bool((parameter == parameter.flatten()[0]).all())
            ):
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
        for name, buffer in model.named_buffers():
            if re.search(r"running_(mean|var)$", name):
                buffer.add_(torch.rand(buffer.shape, generator=generator) * 0.2)


def _text(rng: np.random.Generator) -> dict[str, np.ndarray]:
    mask = np.ones((2, LENGTH), np.int64)
    mask[1, LENGTH - 3 :] = 0
    return {"input_ids": _ids(rng), "attention_mask": mask}


def _ids(rng: np.random.Generator, length: int = LENGTH) -> np.ndarray:
    return rng.integers(5, WORDS, (2, length))


def _floats(*shape: int):
    return lambda rng: rng.standard_normal(shape).astype(np.float32)


def _named(name: str, *shape: int):
    return lambda rng: {name: rng.standard_normal(shape).astype(np.float32)}


SAMPLES = {
    "text": _text,
    "text_only": lambda rng: {"input_ids": _ids(rng)},
    "pair": lambda rng: {**_text(rng), "decoder_input_ids": _ids(rng, 7)},
    "mel": lambda rng: {"input_features": _floats(1, 8, 40)(rng), "decoder_input_ids": _ids(rng, 7)[:1]},
    "wave": _named("input_values", 2, 800),
    "wave_pair": lambda rng: {"input_values": _floats(1, 3200)(rng), "decoder_input_ids": _ids(rng, 7)[:1]},
    "codec": _named("input_values", 1, 1, 320),
    "features": _named("input_features", 1, 20, 16),
    "spectrum": _named("input_values", 1, 24, 16),
    "image": _named("pixel_values", 1, 3, 32, 32),
    "image64": _named("pixel_values", 1, 3, 64, 64),
    "video": _named("pixel_values", 1, 4, 3, 32, 32),
    "text_image": lambda rng: {**_text(rng), "pixel_values": _floats(2, 3, 32, 32)(rng)},
    "series": _named("past_values", 2, 24, 3),
    "decisions": lambda rng: {
        "states": _floats(1, 6, 5)(rng),
        "actions": _floats(1, 6, 2)(rng),
        "rewards": _floats(1, 6, 1)(rng),
        "returns_to_go": _floats(1, 6, 1)(rng),
        "timesteps": np.arange(6)[None],
        "attention_mask": np.ones((1, 6), np.int64),
    },
}
