//! Small pictures of people and groups, made out of the files that people choose.
//!
//! Invariants:
//! - What comes out holds the pixels alone: where and with what a photo was taken, and what else a camera or a program wrote into the
//!   file, does not leave the machine.
//! - A file that would take much memory to open is refused before it does.
//! - What strangers send is opened only by [`check`], under the same limits.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

/// Pixels of the longer side.
pub const SIDE: u32 = 512;
/// Bytes of a file that is opened: more than a camera's photo has.
pub const FILE_BYTES: usize = 40 << 20;

/// Pixels of the longer side of what is opened at all.
const MOST_SIDE: u32 = 20_000;
/// Bytes of memory that it may take.
const MOST_MEMORY: u64 = 512 << 20;
/// What is tried until a picture is small enough: pixels of the longer side, and quality.
const STEPS: [(u32, u8); 8] =
    [(SIDE, 85), (SIDE, 70), (SIDE, 50), (384, 60), (256, 60), (192, 50), (128, 50), (64, 40)];

/// Why something becomes no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// Another kind of file.
    #[error("this is no picture that hush knows: choose a JPEG, PNG, WebP or GIF file")]
    Unknown,
    /// It is cut off or spoilt.
    #[error("the picture is damaged: open it in another program and save it again")]
    Damaged,
    /// It would take too much memory.
    #[error("the picture is too large: make it smaller first, {SIDE} pixels are enough")]
    TooLarge,
}

impl From<ImageError> for Unfit {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Unsupported(_) => Self::Unknown,
            ImageError::Limits(_) => Self::TooLarge,
            _ => Self::Damaged,
        }
    }
}

/// The picture in a file, upright, within [`SIDE`] pixels, as a JPEG of at most `most` bytes without anything beside it; what is
/// transparent becomes white. A JPEG that is so already stays as it is.
///
/// # Errors
/// [`Unfit`]
pub fn shrink(file: &[u8], most: usize) -> Result<Vec<u8>, Unfit> {
    if file.len() > FILE_BYTES {
        return Err(Unfit::TooLarge);
    }
    let opened = open(file)?;
    if file.len() <= most && opened.width().max(opened.height()) <= SIDE && is_bare_jpeg(file) {
        return Ok(file.to_vec());
    }
    for (side, quality) in STEPS {
        let jpeg = encode(&opened, side, quality)?;
        if jpeg.len() <= most {
            return Ok(jpeg);
        }
    }
    Err(Unfit::TooLarge)
}

/// Whether a picture of somebody else's is a JPEG that can be shown.
///
/// # Errors
/// [`Unfit`]
pub fn check(jpeg: &[u8]) -> Result<(), Unfit> {
    if image::guess_format(jpeg)? != ImageFormat::Jpeg {
        return Err(Unfit::Unknown);
    }
    let opened = open(jpeg)?;
    if opened.width().max(opened.height()) > 2 * SIDE { Err(Unfit::TooLarge) } else { Ok(()) }
}

fn open(file: &[u8]) -> Result<DynamicImage, Unfit> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format().map_err(|_| Unfit::Damaged)?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut opened = DynamicImage::from_decoder(decoder)?;
    opened.apply_orientation(orientation);
    Ok(opened)
}

fn encode(opened: &DynamicImage, side: u32, quality: u8) -> Result<Vec<u8>, Unfit> {
    let is_small = opened.width().max(opened.height()) <= side;
    let pixels =
        if is_small { on_white(opened) } else { on_white(&opened.resize(side, side, FilterType::Lanczos3)) };
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(&pixels)?;
    Ok(jpeg)
}

fn on_white(opened: &DynamicImage) -> RgbImage {
    let pixels = opened.to_rgba8();
    RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| {
        let [red, green, blue, alpha] = pixels.get_pixel(x, y).0;
        let mixed = |colour: u8| {
            let (colour, alpha) = (u16::from(colour), u16::from(alpha));
            u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
        };
        Rgb([mixed(red), mixed(green), mixed(blue)])
    })
}

/// Whether a JPEG has nothing in it but what its pixels need: no segment of an application but JFIF's, and no comment (ITU-T T.81,
/// annex B).
fn is_bare_jpeg(file: &[u8]) -> bool {
    let Some(mut rest) = file.strip_prefix(&[0xff, 0xd8]) else { return false };
    loop {
        match rest {
            // The pixels begin. What stands behind their end would go along.
            [0xff, 0xda, ..] => {
                return rest.windows(2).position(|pair| pair == [0xff, 0xd9]) == Some(rest.len() - 2);
            }
            [0xff, 0xe1..=0xef | 0xfe, ..] => return false,
            [0xff, _, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                match rest.get(2 + length..) {
                    Some(next) => rest = next,
                    None => return false,
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 28 * 1024;

    fn noise(width: u32, height: u32) -> DynamicImage {
        let mut state = 7_u32;
        RgbImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [red, green, blue, _] = state.to_be_bytes();
            Rgb([red, green, blue])
        })
        .into()
    }

    fn file(opened: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        opened.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    /// A JPEG whose camera was turned, and which says where it was.
    fn photo(opened: &DynamicImage) -> Vec<u8> {
        // TIFF, big-endian, one entry: orientation 6, turn clockwise.
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        exif.extend(b"GPS canary 52.5N 13.4E");
        let jpeg = file(opened, ImageFormat::Jpeg);
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
    }

    #[test]
    fn whatever_is_chosen_becomes_small_and_can_be_shown() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
            for (width, height) in [(1, 1), (900, 700), (30, 1_500)] {
                let jpeg = shrink(&file(&noise(width, height), format), MOST).unwrap();
                assert!(jpeg.len() <= MOST, "{format:?}: {}", jpeg.len());
                assert_eq!(check(&jpeg), Ok(()));
                let made = open(&jpeg).unwrap();
                assert!(made.width().max(made.height()) <= SIDE);
            }
        }
    }

    #[test]
    fn nothing_but_pixels_is_left_and_they_stand_upright() {
        let photo = photo(&noise(40, 20));
        assert!(photo.windows(6).any(|window| window == b"canary"));
        let jpeg = shrink(&photo, MOST).unwrap();
        assert!(!jpeg.windows(6).any(|window| window == b"canary"));
        let made = open(&jpeg).unwrap();
        assert_eq!((made.width(), made.height()), (20, 40));
        // As does what stands behind the end of a picture.
        let tail = [jpeg.as_slice(), b"canary \xff\xd9"].concat();
        let again = shrink(&tail, MOST).unwrap();
        assert!(!again.windows(6).any(|window| window == b"canary"));
    }

    #[test]
    fn what_was_made_once_is_not_made_again() {
        let jpeg = shrink(&file(&noise(900, 700), ImageFormat::Png), MOST).unwrap();
        assert_eq!(shrink(&jpeg, MOST).unwrap(), jpeg);
    }

    #[test]
    fn what_cannot_be_a_picture_is_refused_with_a_reason() {
        assert_eq!(shrink(b"%PDF-1.7", MOST), Err(Unfit::Unknown));
        assert_eq!(shrink(b"", MOST), Err(Unfit::Unknown));
        let jpeg = file(&noise(64, 64), ImageFormat::Png);
        assert_eq!(shrink(&jpeg[..jpeg.len() / 2], MOST), Err(Unfit::Damaged));
        assert_eq!(check(&file(&noise(9, 9), ImageFormat::Png)), Err(Unfit::Unknown));
        assert_eq!(check(&file(&noise(1_100, 9), ImageFormat::Jpeg)), Err(Unfit::TooLarge));
    }

    #[test]
    fn a_small_file_with_many_pixels_is_refused_before_it_is_opened() {
        // A PNG says its size at the beginning.
        let mut png = file(&noise(9, 9), ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0x4e, 0x00, 0, 0, 0x4e, 0x00]);
        let refused = shrink(&png, MOST).unwrap_err();
        assert!(matches!(refused, Unfit::TooLarge | Unfit::Damaged), "{refused:?}");
    }

    #[test]
    fn transparency_becomes_white() {
        let clear = DynamicImage::new_rgba8(8, 8);
        let made = open(&shrink(&file(&clear, ImageFormat::Png), MOST).unwrap()).unwrap().to_rgb8();
        assert!(made.pixels().all(|pixel| pixel.0.iter().all(|part| *part > 250)));
    }
}
