"""Known networks as rows of modules, against the networks themselves."""

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from drawgen.contract import generator
from drawgen.nn import convnet, dissected, efficientnet_lite
from drawgen.nn.lesions import Examined, row_of
from drawgen.nn.residual import Lesion

IMAGES = torch.rand(2, 3, 64, 64, generator=generator(0))
CPU = torch.device("cpu")


def weights(name, classes=7):
    """Random weights of a ResNet, which keep the size of their inputs."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = torchvision.models.get_model(name, weights=None, num_classes=classes)
    return net.eval()


def test_efficientnet():
    net = efficientnet_lite.pretrained()
    network = dissected.efficientnet(net)
    torch.testing.assert_close(network.logits(IMAGES), net(IMAGES))
    row = row_of(Examined(network, IMAGES, torch.zeros(2, dtype=torch.long)))
    assert len(network.modules) == 16
    assert row.indices == (2, 4, 6, 7, 9, 10, 12, 13, 14)
    assert not any(row.narrows)
    assert row.carries
    with pytest.raises(ValueError, match="module 0 has no shortcut"):
        network.logits(IMAGES, Lesion(deleted={0}))


@pytest.mark.parametrize(("name", "kind"), [("resnet18", ".pt"), ("resnet50", ".safetensors")])
def test_torchvision(tmp_path, name, kind):
    """The logits of the network, and of the network whose module is replaced by its shortcut."""
    net, file = weights(name), tmp_path / f"net{kind}"
    save_file(net.state_dict(), file) if kind == ".safetensors" else torch.save(net.state_dict(), file)
    found, network = dissected.torchvision_resnet(str(file), device=CPU)
    assert found == name
    mean, std = (torch.tensor(values)[:, None, None] for values in convnet.IMAGENET)
    ready = (IMAGES - mean) / std
    torch.testing.assert_close(network.logits(IMAGES), net(ready))
    row = row_of(Examined(network, IMAGES, torch.zeros(2, dtype=torch.long)))
    assert len(row.indices) == {"resnet18": 8, "resnet50": 16}[name]
    net.layer2[1] = torch.nn.Identity()
    torch.testing.assert_close(network.logits(IMAGES, Lesion(deleted={len(net.layer1) + 1})), net(ready))


def test_weights_of_other_networks_are_refused(tmp_path):
    file = tmp_path / "net.pt"
    torch.save({"features.0.weight": torch.zeros(3)}, file)
    with pytest.raises(ValueError, match="holds no weights of one of torchvision's ResNets; give those of resnet18, resnet34"):
        dissected.torchvision_resnet(str(file), device=CPU)
    net = weights("resnet18").state_dict()
    torch.save({**net, "layer2.0.conv1.weight": torch.zeros(1)}, file)
    with pytest.raises(ValueError, match=r"layer2\.0\.conv1\.weight is not of the shape"):
        dissected.torchvision_resnet(str(file), device=CPU)
    file.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is no file of weights"):
        dissected.torchvision_resnet(str(file), device=CPU)
    torch.save([1, 2], file)
    with pytest.raises(ValueError, match="is no file of weights"):
        dissected.torchvision_resnet(str(file), device=CPU)
