"""Networks as people write them, small: each in the manner of its kind, with random weights and settled statistics."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 (as everybody writes it)


def conv_bn(c_in, c_out, kernel=3, stride=1, padding=None, groups=1, act=nn.ReLU):
    padding = kernel // 2 if padding is None else padding
    layers = [nn.Conv2d(c_in, c_out, kernel, stride, padding, groups=groups, bias=False), nn.BatchNorm2d(c_out)]
    return nn.Sequential(*layers, *([act()] if act else []))


class FlatMlp(nn.Module):
    """An MLP that flattens images itself and calls ReLU as a function."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(64, 16), nn.Linear(16, 4)

    def forward(self, x):
        x = x.view(-1, 64)
        return self.fc2(F.relu(self.fc1(x)))


class LeNet(nn.Module):
    """Convolutions, max pools before the activation, dropout by function."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2 = nn.Linear(64, 32), nn.Linear(32, 4)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = torch.flatten(x, 1)
        x = F.dropout(F.relu(self.fc1(x)), 0.5, training=self.training)
        return self.fc2(x)


class Vgg(nn.Module):
    """Stacked convolutions, an adaptive pool larger than what it reads, dropout."""

    def __init__(self):
        super().__init__()
        block = [nn.MaxPool2d(2, 2), *conv_bn(8, 8)]
        self.features = nn.Sequential(*conv_bn(3, 8), *block, nn.MaxPool2d(2), *conv_bn(8, 8), nn.MaxPool2d(4))
        self.avgpool = nn.AdaptiveAvgPool2d((3, 3))
        self.classifier = nn.Sequential(nn.Linear(72, 16), nn.ReLU(True), nn.Dropout(), nn.Linear(16, 4))

    def forward(self, x):
        x = self.avgpool(self.features(x))
        return self.classifier(torch.flatten(x, 1))


class AlexNet(nn.Module):
    """Large kernels and strides, pools whose windows overlap."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 7, stride=2, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(8, 8, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
        )
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 4))

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


class OptionA(nn.Module):
    """A residual block whose shortcut takes every second pixel and pads channels with zeros."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(c_out), nn.BatchNorm2d(c_out)
        self.pad = (c_out - c_in) // 2

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad), "constant", 0) if self.pad else x
        return F.relu(out)


class CifarResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.layers = nn.Sequential(OptionA(4, 4, 1), OptionA(4, 8, 2), OptionA(8, 8, 1))
        self.linear = nn.Linear(8, 4)

    def forward(self, x):
        out = self.layers(F.relu(self.bn1(self.conv1(x))))
        out = F.avg_pool2d(out, out.size()[3])
        return self.linear(out.view(out.size(0), -1))


class Residual(nn.Module):
    """A residual block with a projection, one ReLU module for all places, in place."""

    def __init__(self, body, c_in, c_out, stride):
        super().__init__()
        self.body, self.relu = body, nn.ReLU(inplace=True)
        self.downsample = conv_bn(c_in, c_out, 1, stride, act=None) if stride > 1 or c_in != c_out else None

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.body(x)
        out += identity
        return self.relu(out)


def basic(c_in, c_out, stride):
    return Residual(
        nn.Sequential(conv_bn(c_in, c_out, 3, stride), conv_bn(c_out, c_out, act=None)), c_in, c_out, stride
    )


def bottleneck(c_in, c_out, stride, groups=1):
    narrow = conv_bn(c_in, 4, 1), conv_bn(4, 4, 3, stride, groups=groups), conv_bn(4, c_out, 1, act=None)
    return Residual(nn.Sequential(*narrow), c_in, c_out, stride)


def resnet(*blocks):
    stem = [*conv_bn(3, 8, 7, 2), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4))


class PreActivation(nn.Module):
    """A wide residual block: normalisation and activation before each convolution."""

    def __init__(self, c_in, c_out):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(c_in), nn.BatchNorm2d(c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(c_in, c_out, 1, bias=False)

    def forward(self, x):
        out = torch.relu(self.bn1(x))
        skip = self.shortcut(out)
        out = self.conv2(F.relu(self.bn2(self.conv1(out))))
        return torch.add(out, skip)


class DenseLayer(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4, 3, padding=1, bias=False)

    def forward(self, *features):
        return self.conv(F.relu(self.norm(torch.cat(features, 1)), inplace=True))


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.dense = nn.ModuleList([DenseLayer(8 + 4 * k) for k in range(3)])
        self.norm, self.conv, self.pool = nn.BatchNorm2d(20), nn.Conv2d(20, 8, 1, bias=False), nn.AvgPool2d(2, 2)
        self.last, self.classifier = nn.BatchNorm2d(8), nn.Linear(8, 4)

    def forward(self, x):
        features = [self.stem(x)]
        for layer in self.dense:
            features.append(layer(*features))
        x = self.pool(self.conv(F.relu(self.norm(torch.cat(features, 1)))))
        x = F.adaptive_avg_pool2d(F.relu(self.last(x)), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class Inception(nn.Module):
    """Four branches and their concatenation; an auxiliary head that only training asks."""

    def __init__(self):
        super().__init__()
        self.a, self.b = conv_bn(8, 4, 1), nn.Sequential(conv_bn(8, 4, 1), conv_bn(4, 4, 3))
        self.c, self.d = nn.Sequential(conv_bn(8, 4, 1), conv_bn(4, 4, 5)), conv_bn(8, 4, 1)
        self.stem, self.head, self.aux = conv_bn(3, 8), nn.Linear(16, 4), nn.Linear(16, 4)

    def forward(self, x):
        x = F.max_pool2d(self.stem(x), 2)
        pooled = F.max_pool2d(x, kernel_size=3, stride=1, padding=1)
        x = torch.cat([self.a(x), self.b(x), self.c(x), self.d(pooled)], dim=1).mean((2, 3))
        return (self.head(x), self.aux(x)) if self.training else self.head(x)


class Fire(nn.Module):
    def __init__(self, c_in):
        super().__init__()
        self.squeeze, self.one, self.three = nn.Conv2d(c_in, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)


class SqueezeNet(nn.Module):
    """A classifier that is a convolution, an activation and a mean: the last layer has no weights."""

    def __init__(self):
        super().__init__()
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), pool, Fire(8), Fire(8))
        final = nn.Conv2d(8, 4, 1)
        self.classifier = nn.Sequential(nn.Dropout(0.5), final, nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)))

    def forward(self, x):
        return torch.flatten(self.classifier(self.features(x)), 1)


def mobilenet_v1():
    def separable(c_in, c_out, stride):
        return [*conv_bn(c_in, c_in, 3, stride, groups=c_in), *conv_bn(c_in, c_out, 1)]

    body = separable(8, 16, 1), separable(16, 16, 2)
    return nn.Sequential(*conv_bn(3, 8, 3, 2), *body[0], *body[1], nn.AvgPool2d(4), nn.Flatten(), nn.Linear(16, 4))


class InvertedResidual(nn.Module):
    def __init__(self, channels, act):
        super().__init__()
        inner = conv_bn(channels, 16, 1, act=act), conv_bn(16, 16, 3, groups=16, act=act)
        self.conv = nn.Sequential(*inner, nn.Conv2d(16, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        return x + self.conv(x)


def mobilenet_v2(act=nn.ReLU6):
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(16, 4)
    blocks = InvertedResidual(8, act), InvertedResidual(8, act)
    return nn.Sequential(*conv_bn(3, 8, 3, 2, act=act), *blocks, *conv_bn(8, 16, 1, act=act), *head)


class ShuffleUnit(nn.Module):
    """Halves of the channels, and their shuffling by view, transpose and view."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(conv_bn(4, 4, 1), conv_bn(4, 4, 3, groups=4, act=None), conv_bn(4, 4, 1))

    def forward(self, x):
        left, right = x.chunk(2, dim=1)
        out = torch.cat((left, self.branch(right)), dim=1)
        batch, channels, height, width = out.size()
        out = out.view(batch, 2, channels // 2, height, width)
        return torch.transpose(out, 1, 2).contiguous().view(batch, channels, height, width)


def shufflenet():
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    return nn.Sequential(*conv_bn(3, 8, 3, 2), nn.MaxPool2d(3, 2, 1), ShuffleUnit(), ShuffleUnit(), *head)


class KeywordNet(nn.Module):
    """Convolutions over time, and the mean of all times."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv1d(1, 8, 8, stride=4), nn.BatchNorm1d(8)
        self.conv2, self.bn2 = nn.Conv1d(8, 8, 3), nn.BatchNorm1d(8)
        self.pool, self.fc = nn.MaxPool1d(2), nn.Linear(8, 4)

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        x = F.relu(self.bn2(self.conv2(x)))
        return self.fc(F.avg_pool1d(x, x.shape[-1]).squeeze(-1))


class Causal(nn.Module):
    """A temporal block: dilated convolutions that see the past alone, padded and cut."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(4, 8, 3, dilation=2)
        self.conv2 = nn.Conv1d(8, 8, 3, padding=4, dilation=2)
        self.skip, self.fc = nn.Conv1d(4, 8, 1), nn.Linear(8, 4)

    def forward(self, x):
        out = F.relu(self.conv1(F.pad(x, (4, 0))))
        out = F.relu(self.conv2(out)[:, :, :-4])
        return self.fc(F.relu(out + self.skip(x))[:, :, -1])


class TwoBranches(nn.Module):
    """Two ways with activations of different size, joined; each of its values flattened."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(1, 5, 5, padding=2), nn.Linear(8 * 16, 4)

    def forward(self, x):
        both = torch.cat([F.relu(self.a(x)), F.relu(20 * self.b(x))], 1)
        return self.fc(F.avg_pool2d(both, 2).flatten(1))


class Shared(nn.Module):
    """One convolution that is called twice, and one ReLU for all."""

    def __init__(self):
        super().__init__()
        self.first, self.conv, self.relu = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        x = self.relu(self.first(x))
        x = self.relu(self.conv(self.relu(self.conv(x))))
        return self.fc(x.amax((2, 3)))


class InPlace(nn.Module):
    """Calls in place whose results nobody keeps."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 4)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.bn(self.conv(x))
        self.relu(x)
        x.mul_(0.5).add_(0.25)
        return self.fc(x.mean(dim=(-2, -1)))


class Normalising(nn.Module):
    """Prepares its images itself, with constants that it holds."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.2, 0.25, 0.3]).view(1, 3, 1, 1))
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 4)

    def forward(self, x):
        x = F.relu(self.conv((x - self.mean) / self.std))
        return self.fc(x.mean((2, 3)))


class ChannelsLast(nn.Module):
    """Puts channels last before it flattens, as networks that came from another framework do."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(4 * 36, 4)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).permute(0, 2, 3, 1).reshape(x.shape[0], -1))


class Asymmetric(nn.Module):
    """Padding that differs before and after, and kernels of even size with padding "same"."""

    def __init__(self):
        super().__init__()
        self.pad, self.conv1 = nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(1, 4, 3, stride=2)
        self.conv2, self.fc = nn.Conv2d(4, 4, (2, 4), padding="same"), nn.Linear(64, 4)

    def forward(self, x):
        x = F.relu(self.conv1(self.pad(x)))
        return self.fc(F.relu(self.conv2(x)).flatten(1))


class ByShape(nn.Module):
    """Goes a way that hangs on the shape of its input."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 4)

    def forward(self, x, scale=None):
        if x.dim() != 4 or x.shape[1] != 3:
            raise ValueError("images, please")
        if scale is not None:
            x = x * scale
        x = F.relu(self.conv(x))
        while x.shape[-1] > 4:
            x = F.max_pool2d(x, 2)
        return self.fc(F.adaptive_max_pool2d(x, 1)[:, :, 0, 0])


class Functional(nn.Module):
    """Holds its weights itself."""

    def __init__(self):
        super().__init__()
        self.w1, self.w2 = nn.Parameter(torch.randn(4, 1, 3, 3) / 3), nn.Parameter(torch.randn(4, 16) / 4)

    def forward(self, x):
        x = F.conv2d(x, self.w1, stride=2, padding=1).relu()
        return torch.matmul(F.max_pool2d(x, 2).flatten(1), self.w2.t())


class Asserting(nn.Module):
    """Asks whether its input is a tensor, which what follows it by torch.fx is not."""

    def __init__(self):
        super().__init__()
        self.features, self.head = nn.Sequential(*conv_bn(3, 8, 3, 2), nn.MaxPool2d(2)), nn.Linear(8, 4)

    def forward(self, x):
        assert isinstance(x, torch.Tensor), type(x)
        a, b = self.features(x).chunk(2, 1)
        x = torch.cat([F.pad(b, (0, 1, 0, 1))[:, :, 1:, 1:], F.pad(a, (0, 0, 0, 1))[:, :, 1:] * 2], 1)
        return self.head(F.dropout(x, training=self.training).mean((2, 3)))
