"""open_clip models: the same vectors as open_clip's own, and clear words when weights cannot be had."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from core.encode import load_encoder
from core.encode.openclip import OpenClipEncoder, parse_name
from core.errors import EncoderError, ImageError

TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A small open_clip model with random weights, saved in both formats: (its folder, the model)."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("openclip")
    (folder / "LoupeTiny.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "LoupeTiny.json")
    torch.manual_seed(0)
    model = open_clip.create_model("LoupeTiny").eval()
    torch.save(model.state_dict(), folder / "tiny.pt")
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "tiny.safetensors")
    yield folder, model
    (folder / "LoupeTiny.json").unlink()


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (h, w, 3), dtype=np.uint8)) for h, w in ((40, 60), (32, 32), (90, 35))]


@pytest.mark.parametrize("file", ["tiny.pt", "tiny.safetensors"])
def test_vectors_are_open_clips_own(tiny, pictures, file):
    import open_clip
    import torch

    folder, model = tiny
    encoder = load_encoder(f"openclip:LoupeTiny/{folder / file}")
    cfg = open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg)
    transform = open_clip.transform.image_transform_v2(cfg, is_train=False)
    texts = ["a dog", "two red apples on a table, seen from above", ""]
    with torch.inference_mode():
        images = model.encode_image(torch.stack([transform(p) for p in pictures]), normalize=True).numpy()
        words = model.encode_text(open_clip.get_tokenizer("LoupeTiny")(texts), normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_images(pictures), images, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(texts), words, atol=1e-5)
    assert (encoder.dim, encoder.input_px, dict(encoder.spaces)) == (24, 32, {"joint": 24})
    assert encoder.text_mean is None


def test_a_large_jpeg_is_decoded_in_full(tiny, tmp_path):
    """Reduced decoding would be faster, and not what open_clip's own numbers are made from."""
    rng = np.random.default_rng(1)
    coarse = Image.fromarray(rng.integers(0, 255, (50, 60, 3), dtype=np.uint8))
    coarse.resize((900, 700), Image.Resampling.BICUBIC).save(tmp_path / "large.jpg")
    encoder = load_encoder(f"openclip:LoupeTiny/{tiny[0] / 'tiny.pt'}")
    with Image.open(tmp_path / "large.jpg") as opened:
        full = encoder.encode_prepared(encoder.prepare(opened.convert("RGB"))[None])["joint"]
    np.testing.assert_allclose(encoder.encode_images([tmp_path / "large.jpg"]), full, atol=1e-5)


def test_fingerprint_follows_the_weights(tiny, tmp_path):
    import torch

    folder, model = tiny
    state = model.state_dict()
    state["logit_scale"] = state["logit_scale"] + 1
    torch.save(state, tmp_path / "other.pt")
    first = OpenClipEncoder(f"openclip:LoupeTiny/{folder / 'tiny.pt'}")
    again = OpenClipEncoder(f"openclip:LoupeTiny/{folder / 'tiny.pt'}")
    other = OpenClipEncoder(f"openclip:LoupeTiny/{tmp_path / 'other.pt'}")
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_many_images_come_back_in_order(tiny, pictures):
    encoder = load_encoder(f"openclip:LoupeTiny/{tiny[0] / 'tiny.pt'}")
    three = encoder.encode_images(pictures)
    np.testing.assert_allclose(encoder.encode_images(pictures * 14), np.tile(three, (14, 1)), atol=1e-5)
    assert encoder.encode_images([]).shape == (0, 24)
    assert encoder.encode_texts([]).shape == (0, 24)


def test_an_unreadable_image_raises(tiny, tmp_path):
    (tmp_path / "words.jpg").write_text("no picture")
    with pytest.raises(ImageError):
        load_encoder(f"openclip:LoupeTiny/{tiny[0] / 'tiny.pt'}").encode_images([tmp_path / "words.jpg"])


def test_no_visual_space(tiny, pictures):
    with pytest.raises(EncoderError, match="no visual space"):
        load_encoder(f"openclip:LoupeTiny/{tiny[0] / 'tiny.pt'}").encode_visual(pictures)


class Runs:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_code_in_a_weight_file_does_not_run(tiny, tmp_path):
    mark = tmp_path / "ran"
    (tmp_path / "bad.pt").write_bytes(pickle.dumps({"state_dict": Runs(str(mark))}))
    with pytest.raises(EncoderError, match="bad.pt cannot be loaded as LoupeTiny"):
        load_encoder(f"openclip:LoupeTiny/{tmp_path / 'bad.pt'}")
    assert not mark.exists()


def test_weights_of_another_model_are_refused(tiny, tmp_path):
    import torch

    torch.save({"weight": torch.zeros(2)}, tmp_path / "wrong.pt")
    with pytest.raises(EncoderError, match="wrong.pt cannot be loaded as LoupeTiny"):
        load_encoder(f"openclip:LoupeTiny/{tmp_path / 'wrong.pt'}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openclip:ViT-B-33/laion2b_s34b_b79k", "did you mean ViT-B-32"),
        ("openclip:ViT-B-32/no-such-tag", "neither a file nor a tag of ViT-B-32; its tags: openai"),
        ("openclip:ViT-B-32", "not openclip:<model>/<pretrained>"),
        ("openclip:/x", "not openclip:<model>/<pretrained>"),
        ("clip", "There is no encoder 'clip'"),
    ],
)
def test_wrong_names_say_what_there_is(name, message):
    with pytest.raises(EncoderError, match=message):
        load_encoder(name)


def test_loading_never_asks_the_network(monkeypatch, tmp_path):
    import socket

    from core.encode import openclip

    monkeypatch.setattr(openclip, "_cached", lambda tag: None)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("asked the network"))
    with pytest.raises(openclip.NotHere, match="are not on this computer. Fetch them on Home, or with: python -m core encoders --fetch"):
        load_encoder("openclip:ViT-B-32/laion2b_s34b_b79k")


def test_weights_in_the_hub_cache_are_found_without_a_network(tiny, monkeypatch, tmp_path):
    import open_clip

    folder, _ = tiny
    tag = {"hf_hub": "someone/tiny/", "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "resize_mode": "squash"}
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda model, name: tag)
    asked = []

    def in_cache(repository, file):
        asked.append((repository, file))
        return str(folder / "tiny.pt") if file == "open_clip_pytorch_model.bin" else None

    (tmp_path / "models--someone--tiny").mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", in_cache)
    encoder = OpenClipEncoder("openclip:LoupeTiny/a_tag")
    assert asked[0] == ("someone/tiny", "open_clip_model.safetensors")
    assert encoder.preprocessing == "RGB, squash to 32, bicubic, mean (0.5, 0.5, 0.5), std (0.5, 0.5, 0.5)"
    # black becomes (0 - 0.5) / 0.5
    assert encoder.prepare(Image.new("RGB", (50, 20))).min() == pytest.approx(-1.0)


def test_parse_name_keeps_slashes_of_a_path():
    assert parse_name("openclip:ViT-B-32//models/vit.pt") == ("ViT-B-32", "/models/vit.pt")
    assert parse_name("openclip:ViT-B-32/weights/vit.pt") == ("ViT-B-32", "weights/vit.pt")


def test_bfloat16_images_are_close_and_texts_are_the_same(tiny, pictures):
    name = f"openclip:LoupeTiny/{tiny[0] / 'tiny.pt'}"
    exact, quick = load_encoder(name), load_encoder(name, "bfloat16")
    assert (exact.precision, quick.precision) == ("float32", "bfloat16")
    images = exact.encode_images(pictures)
    rough = quick.encode_images(pictures)
    assert rough.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rough, axis=1), 1, atol=1e-5)
    assert 0.995 < (images * rough).sum(axis=1).min() < 1 - 1e-7
    np.testing.assert_array_equal(exact.encode_texts(["a dog"]), quick.encode_texts(["a dog"]))
    np.testing.assert_array_equal(exact.encode_images(pictures), images)  # the copy left it as it was
    assert load_encoder(name, "bfloat16") is quick


def test_another_precision_is_another_vector_set(tiny):
    from core.encode import vector_sets

    name = f"openclip:LoupeTiny/{tiny[0] / 'tiny.pt'}"
    (exact,), (quick,) = vector_sets(load_encoder(name)), vector_sets(load_encoder(name, "bfloat16"))
    assert exact.set_id != quick.set_id
    assert (exact.weights, exact.engine) == (quick.weights, "torch") == (quick.weights, quick.engine)
    assert (exact.precision, quick.precision) == ("float32", "bfloat16")


def test_an_encoder_without_a_choice_of_precision_stays_exact(fake):
    assert load_encoder("fake", "bfloat16") is fake


def test_an_unknown_precision_is_refused(tiny):
    with pytest.raises(EncoderError, match="no precision 'int4'; there are: float32, bfloat16"):
        load_encoder(f"openclip:LoupeTiny/{tiny[0] / 'tiny.pt'}").at_precision("int4")


def test_a_model_whose_tokenizer_has_files_of_its_own_is_loaded_from_the_cache(tiny, tmp_path, monkeypatch):
    import socket

    import open_clip
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({"<pad>": 0, "a": 1, "dog": 2, "[UNK]": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    snapshot = tmp_path / "models--someone--words" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    words.save(str(snapshot / "tokenizer.json"))
    (snapshot / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "unk_token": "[UNK]"})
    )
    (tmp_path / "models--someone--words" / "refs").mkdir()
    (tmp_path / "models--someone--words" / "refs" / "main").write_text("abc")
    absent = tmp_path / "models--someone--words" / ".no_exist" / "abc"
    absent.mkdir(parents=True)
    (absent / "config.json").touch()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path), raising=False)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("asked the network"))
    text = TINY["text_cfg"] | {"hf_tokenizer_name": "someone/words", "vocab_size": 49408}
    (tmp_path / "LoupeWords.json").write_text(json.dumps(TINY | {"text_cfg": text}))
    open_clip.add_model_config(tmp_path / "LoupeWords.json")
    encoder = load_encoder(f"openclip:LoupeWords/{tiny[0] / 'tiny.pt'}")
    assert encoder.encode_texts(["a dog"]).shape == (1, 24)
