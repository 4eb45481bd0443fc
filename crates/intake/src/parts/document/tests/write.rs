//! A small writer of PDFs: objects, streams and a table of where they are.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use image::{DynamicImage, ImageFormat, RgbImage};

/// A PDF being written. Object 1 is the catalog, object 2 the root of the pages.
pub(super) struct Pdf {
    /// From object 3.
    objects: Vec<Vec<u8>>,
    pages: Vec<usize>,
}

impl Pdf {
    pub(super) fn new() -> Self {
        Self { objects: Vec::new(), pages: Vec::new() }
    }

    /// Adds an object and gives its number.
    pub(super) fn object(&mut self, body: &str) -> usize {
        self.objects.push(body.as_bytes().to_vec());
        self.objects.len() + 2
    }

    /// Adds a stream with these entries in its dictionary.
    pub(super) fn stream(&mut self, entries: &str, data: &[u8]) -> usize {
        let head = format!("<< {entries} /Length {} >>\nstream\n", data.len());
        self.objects.push([head.as_bytes(), data, b"\nendstream"].concat());
        self.objects.len() + 2
    }

    /// Adds an image of `width` x `height` whose samples are deflated.
    pub(super) fn image(&mut self, width: u32, height: u32, entries: &str, samples: &[u8]) -> usize {
        let entries = format!("{} /Filter /FlateDecode {entries}", image_entries(width, height));
        self.stream(&entries, &deflate(samples))
    }

    /// Adds a JPEG of three colours.
    pub(super) fn jpeg(&mut self, width: u32, height: u32, jpeg: &[u8]) -> usize {
        let entries = image_entries(width, height);
        self.stream(&format!("{entries} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode"), jpeg)
    }

    /// Adds a form that draws `commands`.
    pub(super) fn form(&mut self, resources: &str, commands: &str) -> usize {
        let entries = format!("/Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources << {resources} >>");
        self.stream(&entries, commands.as_bytes())
    }

    /// Adds a page. `entries` hold the boxes and what else there is to say.
    pub(super) fn page(&mut self, entries: &str, resources: &str, commands: &str) -> usize {
        let contents = self.stream("", commands.as_bytes());
        self.page_of(entries, &format!("/Resources << {resources} >> /Contents {contents} 0 R"))
    }

    /// Adds a page of these entries, its content among them.
    pub(super) fn page_of(&mut self, entries: &str, more: &str) -> usize {
        let page = self.object(&format!("<< /Type /Page /Parent 2 0 R {entries} {more} >>"));
        self.pages.push(page);
        page
    }

    /// Adds a page that is filled by one image.
    pub(super) fn scan(&mut self, image: usize, width: u32, height: u32, entries: &str) -> usize {
        self.page(
            &format!("/MediaBox [0 0 {width} {height}] {entries}"),
            &format!("/XObject << /Im0 {image} 0 R >>"),
            &format!("q {width} 0 0 {height} 0 0 cm /Im0 Do Q"),
        )
    }

    /// The file.
    pub(super) fn finish(&self) -> Vec<u8> {
        let kids: Vec<String> = self.pages.iter().map(|page| format!("{page} 0 R")).collect();
        let root = format!("<< /Type /Pages /Count {} /Kids [{}] >>", kids.len(), kids.join(" "));
        self.finish_with(&root)
    }

    /// The file, with this as the root of the pages.
    pub(super) fn finish_with(&self, root: &str) -> Vec<u8> {
        let catalog = b"<< /Type /Catalog /Pages 2 0 R >>".to_vec();
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut table = String::from("0000000000 65535 f \n");
        let all = [catalog, root.as_bytes().to_vec()].into_iter().chain(self.objects.iter().cloned());
        for (number, body) in (1..).zip(all) {
            table.extend([format!("{:010}", file.len()).as_str(), " 00000 n \n"]);
            writeln!(file, "{number} 0 obj").unwrap();
            file.extend_from_slice(&body);
            file.extend_from_slice(b"\nendobj\n");
        }
        let start = file.len();
        let count = self.objects.len() + 3;
        write!(
            file,
            "xref\n0 {count}\n{table}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
        )
        .unwrap();
        file
    }
}

fn image_entries(width: u32, height: u32) -> String {
    format!("/Type /XObject /Subtype /Image /Width {width} /Height {height}")
}

pub(in crate::parts::document) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn jpeg_of(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(picture.clone()).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// A PDF of one page with one JPEG over it.
pub(super) fn scan_of(picture: &RgbImage, entries: &str) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let (width, height) = picture.dimensions();
    let image = pdf.jpeg(width, height, &jpeg_of(picture));
    pdf.scan(image, width, height, entries);
    pdf.finish()
}
