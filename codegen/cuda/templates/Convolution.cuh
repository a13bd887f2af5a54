// The input of a convolution as a matrix: a row for each position of the result, along it what the taps read there. It
// is nowhere in global memory: slabs of it are copied from the input as it lies, with zeros where a tap is outside.
#pragma once

#include "codegen/cuda/templates/Slabs.cuh"

constexpr int spatialDims = 3;

/// One spatial dimension; of one that a convolution does not have all sizes are 1.
struct Window {
  int extent, outputs; // positions of the input, and of the result
  int first;           // position of the result at which the tile begins
  int taps, stride, dilation, low;
  bool padded; // some tap may lie outside
  i64 pitch;   // elements of the input from one position to the next
};

struct Image {
  const char *base; // position 0 of the image that the tile begins in, at the group's first channel
  int copyBytes;    // that may be copied at once: 16, 8, 4 or 2; channels of a tap are a multiple of them
  int rows;         // that there are, from the tile's first one on
  i64 imagePitch, channelPitch;
  int channels; // of a group
  Window windows[spatialDims];
};

/// The rows of a tile. Which input each thread's rows begin with is computed once; the place in the contracted
/// dimension goes on from slab to slab, as a number whose digits are taps and channel: no division is left in the loop.
template <typename Tile> class ImageRows {
public:
  static constexpr bool alongDepth = true;

  NNF_DEVICE ImageRows(const Image &image) : image(image) {
#pragma unroll
    for (int p = 0; p < pieces; ++p) {
      int carry = lineOf(p);
      offsets[p] = 0;
#pragma unroll
      for (int d = spatialDims; d-- > 0;) {
        const Window &window = image.windows[d];
        u32 output = window.first + carry;
        carry = output / static_cast<u32>(window.outputs);
        starts[p][d] = static_cast<int>(output % static_cast<u32>(window.outputs)) * window.stride - window.low;
        offsets[p] += starts[p][d] * window.pitch;
      }
      offsets[p] += carry * image.imagePitch;
    }
    place = placeOf(threadInBlock() % chunks * chunkElements);
    slabStep = placeOf(Tile::slabDepth);
  }

  /// Copies the next slab.
  NNF_DEVICE void copy(NNF_SHARED char *slab) {
    if (image.copyBytes == 16)
      copyRuns<16>(slab);
    else if (image.copyBytes == 8)
      copyRuns<8>(slab);
    else if (image.copyBytes == 4)
      copyRuns<4>(slab);
    else
      copyRuns<2>(slab);
    advance(place, slabStep);
  }

private:
  static constexpr int chunkElements = chunkBytes / Tile::elementBytes, chunks = Tile::slabDepth / chunkElements;
  static constexpr int pieces = Tile::tileRows * chunks / Tile::threads;
  static_assert(Tile::tileRows * chunks % Tile::threads == 0);
  static_assert(Tile::threads % chunks == 0, "a thread has the same chunk of each of its lines");

  /// A place in the contracted dimension. Beyond its end the first tap is none that there is.
  struct Place {
    int channel, taps[spatialDims];
  };

  NNF_DEVICE static int lineOf(int piece) { return threadInBlock() / chunks + piece * (Tile::threads / chunks); }

  NNF_DEVICE Place placeOf(int step) const {
    Place place;
    u32 rest = step;
    place.channel = rest % static_cast<u32>(image.channels);
    rest /= static_cast<u32>(image.channels);
#pragma unroll
    for (int d = spatialDims; d-- > 1;) {
      place.taps[d] = rest % static_cast<u32>(image.windows[d].taps);
      rest /= static_cast<u32>(image.windows[d].taps);
    }
    place.taps[0] = rest;
    return place;
  }

  NNF_DEVICE void advance(Place &place, const Place &by) const {
    place.channel += by.channel;
    bool carry = place.channel >= image.channels;
    place.channel -= carry ? image.channels : 0;
#pragma unroll
    for (int d = spatialDims; d-- > 1;) {
      place.taps[d] += by.taps[d] + carry;
      carry = place.taps[d] >= image.windows[d].taps;
      place.taps[d] -= carry ? image.windows[d].taps : 0;
    }
    place.taps[0] += by.taps[0] + carry;
  }

  /// Where the element of `piece` at `place` lies; null: nowhere.
  NNF_DEVICE const char *find(int piece, const Place &place) const {
    bool inside = lineOf(piece) < image.rows && place.taps[0] < image.windows[0].taps;
    i64 offset = place.channel * image.channelPitch;
#pragma unroll
    for (int d = 0; d < spatialDims; ++d) {
      const Window &window = image.windows[d];
      int ahead = place.taps[d] * window.dilation;
      offset += ahead * window.pitch;
      if (window.padded)
        inside &= static_cast<u32>(starts[piece][d] + ahead) < static_cast<u32>(window.extent);
    }
    return inside ? image.base + (offsets[piece] + offset) * Tile::elementBytes : nullptr;
  }

  /// Runs of a chunk one after the other: unrolled, each would have its addresses in registers.
  template <int runBytes> NNF_DEVICE void copyRuns(NNF_SHARED char *slab) {
    const Place runStep = placeOf(runBytes / Tile::elementBytes);
    Place at = place;
#pragma unroll 1
    for (int done = 0; done < chunkBytes; done += runBytes > 2 ? runBytes : 4) {
      if constexpr (runBytes > 2) {
        copyRun<runBytes>(slab + done, at);
        advance(at, runStep);
      } else {
        Place second = at;
        advance(second, runStep);
        readPairs(slab + done, at, second);
        at = second;
        advance(at, runStep);
      }
    }
  }

  template <int runBytes> NNF_DEVICE void copyRun(NNF_SHARED char *slab, const Place &at) const {
#pragma unroll
    for (int p = 0; p < pieces; ++p) {
      const char *from = find(p, at);
      copyAsync<runBytes>(slabPlace(slab, p), from ? from : image.base, from ? runBytes : 0);
    }
  }

  /// Two elements of two bytes through registers: there are no copies of them.
  NNF_DEVICE void readPairs(NNF_SHARED char *slab, const Place &at, const Place &second) const {
    u32 words[pieces];
#pragma unroll
    for (int p = 0; p < pieces; ++p) {
      auto *low = reinterpret_cast<const u16 *>(find(p, at)), *high = reinterpret_cast<const u16 *>(find(p, second));
      words[p] = (low ? *low : 0u) | (high ? *high : 0u) << 16;
    }
#pragma unroll
    for (int p = 0; p < pieces; ++p)
      *reinterpret_cast<NNF_SHARED u32 *>(slabPlace(slab, p)) = words[p];
  }

  NNF_DEVICE static NNF_SHARED char *slabPlace(NNF_SHARED char *slab, int piece) {
    return slab + Slab<chunks>::offset(lineOf(piece), threadInBlock() % chunks);
  }

  const Image image;
  i64 offsets[pieces];             // elements from `base` to each row's first tap
  int starts[pieces][spatialDims]; // its position
  Place place, slabStep;
};

template <int extent, int depth, int threads, int elementBytes, typename Tile>
NNF_DEVICE inline void copyOperand(NNF_SHARED char *to, ImageRows<Tile> &rows, int, int) {
  static_assert(extent == Tile::tileRows && depth == Tile::slabDepth);
  rows.copy(to);
}

// An Image as the parameters of a function.
#define NNF_WINDOW_PARAMETERS(d)                                                                                       \
  int extent##d, int outputs##d, int first##d, int taps##d, int stride##d, int dilation##d, int low##d,                \
      bool padded##d, i64 pitch##d
#define NNF_WINDOW(d) {extent##d, outputs##d, first##d, taps##d, stride##d, dilation##d, low##d, padded##d, pitch##d}
#define NNF_IMAGE_PARAMETERS                                                                                           \
  const char *image, int copyBytes, int imageRows, i64 imagePitch, i64 channelPitch, int channels,                     \
      NNF_WINDOW_PARAMETERS(0), NNF_WINDOW_PARAMETERS(1), NNF_WINDOW_PARAMETERS(2)
#define NNF_IMAGE                                                                                                      \
  Image {                                                                                                              \
    image, copyBytes, imageRows, imagePitch, channelPitch, channels, { NNF_WINDOW(0), NNF_WINDOW(1), NNF_WINDOW(2) }   \
  }
