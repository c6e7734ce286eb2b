"""Networks that people bring and that have no spiking form here."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 (as everybody writes it)


class Own(nn.Module):
    """A module whose forward is a function of it and its input."""

    def __init__(self, run, **parts):
        super().__init__()
        self.run = run
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.run(self, x)


def cnn(*behind, **more):
    """A small CNN with something behind its first convolution."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), *behind, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4), *more.values()
    )


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)

    def forward(self, x):
        gate = F.relu(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))
        return x * gate


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch, self.q, self.k, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        weights = (self.q(x) @ self.k(x).transpose(1, 2)).softmax(-1)
        return self.head((weights @ x).mean(1))


class ByValue(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x):
        x = F.relu(self.conv(x))
        if x.mean() > 0.5:
            x = x / 2
        return self.fc(x.mean((2, 3)))


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 4)

    def forward(self, image, mask):
        return self.fc((image * mask).flatten(1))


def two_outputs():
    return Own(lambda m, x: (m.net(x), x), net=cnn(nn.ReLU()))


def lstm():
    return Own(lambda m, x: m.fc(m.rnn(x)[0][:, -1]), rnn=nn.LSTM(8, 8, batch_first=True), fc=nn.Linear(8, 4))


def forgotten_dropout():
    return Own(
        lambda m, x: m.fc(F.dropout(F.relu(m.conv(x)).mean((2, 3)))), conv=nn.Conv2d(3, 8, 3), fc=nn.Linear(8, 4)
    )


def maxout():
    both = nn.Linear(16, 8), nn.Linear(16, 8)
    return Own(lambda m, x: m.fc(torch.maximum(m.a(x), m.b(x))), a=both[0], b=both[1], fc=nn.Linear(8, 4))


def hooked():
    model = cnn(nn.ReLU())
    model[0].register_forward_hook(lambda module, inputs, output: output + 1)
    return model


def text_cnn():
    return Own(
        lambda m, x: m.fc(F.relu(m.conv(m.embedding(x.long()).transpose(1, 2))).amax(2)),
        embedding=nn.Embedding(9, 4),
        conv=nn.Conv1d(4, 8, 3),
        fc=nn.Linear(8, 4),
    )


def reflecting():
    return cnn(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"), nn.ReLU())


def upsampled():
    return Own(
        lambda m, x: m.b(F.interpolate(F.relu(m.a(x)), scale_factor=2)),
        a=nn.Conv2d(3, 8, 3, padding=1),
        b=nn.Conv2d(8, 4, 3),
    )
