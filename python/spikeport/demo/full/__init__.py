"""The whole story: a convolutional network trained, converted, certified, made smaller, made integer, saved, run in
every language that is here, taken to NIR and C, and trained on under the profiler; one page tells it.
"""

from spikeport.demo.full.images import Images, load_images
from spikeport.demo.full.story import Chapter, Story
from spikeport.demo.full.telling import tell

__all__ = ["Chapter", "Images", "Story", "load_images", "tell"]
