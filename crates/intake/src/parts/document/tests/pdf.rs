//! PDFs written object by object.

use image::imageops;

use super::{
    as_luma, decoded, difference, luma_of, outline, parts, parts_within, picture,
    write::{Pdf, deflate, jpeg_of, scan_of},
};
use crate::{Limits, decode};

const RGB: &str = "/ColorSpace /DeviceRGB /BitsPerComponent 8";

#[test]
fn a_scan_is_a_page_and_the_jpeg_that_it_was_made_of() {
    let picture = picture(700, 440);
    let jpeg = jpeg_of(&picture);
    let parts = parts(&scan_of(&picture, ""));
    assert_eq!(outline(&parts), ["#page=1", "#page=1&image=1"]);
    assert_eq!((parts[0].role.document(), parts[0].role.page()), (Some(""), None));
    assert_eq!((parts[1].role.document(), parts[1].role.page()), (Some(""), Some("#page=1")));

    assert_eq!(&*parts[1].content.as_ref().unwrap().identity(), jpeg.as_slice());
    assert_eq!(decoded(&parts[1]).unwrap().pixels(), decode(&jpeg, &Limits::default()).unwrap().pixels());

    let page = decoded(&parts[0]).unwrap();
    assert_eq!((page.width(), page.height()), (1800, 1131));
    let difference = difference(&page, &as_luma(&luma_of(&picture)));
    assert!(difference < 1.0, "{difference}");
}

#[test]
fn pages_are_upright() {
    let picture = picture(300, 200);
    let upright = luma_of(&picture);
    for (degrees, expected) in [
        ("0", upright.clone()),
        ("90", imageops::rotate90(&upright)),
        ("180", imageops::rotate180(&upright)),
        ("270", imageops::rotate270(&upright)),
        ("-90", imageops::rotate270(&upright)),
    ] {
        let parts = parts(&scan_of(&picture, &format!("/Rotate {degrees}")));
        let page = decoded(&parts[0]).unwrap();
        assert_eq!(page.width() > page.height(), expected.width() > expected.height(), "{degrees}");
        let difference = difference(&page, &as_luma(&expected));
        assert!(difference < 1.5, "{degrees}: {difference}");
    }
}

#[test]
fn what_lies_outside_of_the_crop_box_is_not_drawn() {
    let picture = picture(300, 200);
    // The right half.
    let parts = parts(&scan_of(&picture, "/CropBox [150 0 300 200]"));
    let page = decoded(&parts[0]).unwrap();
    assert_eq!((page.width(), page.height()), (1350, 1800));
    let half = imageops::crop_imm(&luma_of(&picture), 150, 0, 150, 200).to_image();
    let difference = difference(&page, &as_luma(&half));
    assert!(difference < 1.5, "{difference}");
}

#[test]
fn a_page_is_drawn_on_white() {
    let mut pdf = Pdf::new();
    pdf.page("/MediaBox [0 0 100 50]", "", "0 0 0 rg 0 25 50 25 re f");
    let page = decoded(&parts(&pdf.finish())[0]).unwrap();
    assert_eq!((page.width(), page.height()), (1800, 900));
    let at = |x: usize, y: usize| page.pixels()[y * 1800 + x];
    assert_eq!((at(10, 10), at(890, 440), at(910, 10), at(10, 460)), (0, 0, 255, 255));
}

#[test]
fn text_needs_no_embedded_font() {
    let mut pdf = Pdf::new();
    let font = pdf.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    let resources = format!("/Font << /F1 {font} 0 R >>");
    pdf.page("/MediaBox [0 0 200 100]", &resources, "BT /F1 40 Tf 10 30 Td (IDENTITY) Tj ET");
    let page = decoded(&parts(&pdf.finish())[0]).unwrap();
    let dark = page.pixels().iter().filter(|&&pixel| pixel < 64).count();
    assert!((20_000..400_000).contains(&dark), "{dark}");
}

#[test]
fn images_of_every_layout_are_exact() {
    let (width, height) = (100, 70);
    let picture = picture(width, height);
    let luma = luma_of(&picture);
    let grey = luma.as_raw().clone();
    let cmyk: Vec<u8> = grey.iter().flat_map(|&value| [0, 0, 0, 255 - value]).collect();
    let bits: Vec<u8> =
        luma.rows().flat_map(|row| pack(&row.map(|pixel| pixel.0[0] > 150).collect::<Vec<_>>())).collect();
    let black_or_white: Vec<u8> = grey.iter().map(|&value| if value > 150 { 255 } else { 0 }).collect();
    let inverted: Vec<u8> = grey.iter().map(|value| 255 - value).collect();
    let wide: Vec<u8> = grey.iter().flat_map(|&value| [value, value]).collect();
    let palette: String = (0..=255_u8).rev().map(|value| format!("{value:02x}").repeat(3)).collect();
    let cases = [
        ("RGB", RGB.to_owned(), picture.as_raw().clone(), &grey, 0),
        ("grey", "/ColorSpace /DeviceGray /BitsPerComponent 8".to_owned(), grey.clone(), &grey, 0),
        (
            "inverted",
            "/ColorSpace /DeviceGray /BitsPerComponent 8 /Decode [1 0]".to_owned(),
            inverted.clone(),
            &grey,
            0,
        ),
        ("1 bit", "/ColorSpace /DeviceGray /BitsPerComponent 1".to_owned(), bits.clone(), &black_or_white, 0),
        ("stencil", "/ImageMask true /BitsPerComponent 1".to_owned(), bits, &black_or_white, 0),
        ("16 bits", "/ColorSpace /DeviceGray /BitsPerComponent 16".to_owned(), wide, &grey, 0),
        (
            "indexed",
            format!("/ColorSpace [/Indexed /DeviceRGB 255 <{palette}>] /BitsPerComponent 8"),
            inverted,
            &grey,
            0,
        ),
        // By a profile of a press, in which black ink alone is no black.
        ("CMYK", "/ColorSpace /DeviceCMYK /BitsPerComponent 8".to_owned(), cmyk, &grey, 60),
    ];
    for (name, entries, samples, expected, tolerance) in cases {
        let mut pdf = Pdf::new();
        let image = pdf.image(width, height, &entries, &samples);
        pdf.scan(image, width, height, "");
        let parts = parts(&pdf.finish());
        assert_eq!(outline(&parts), ["#page=1", "#page=1&image=1"], "{name}");
        let image = decoded(&parts[1]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((image.width(), image.height()), (width, height), "{name}");
        let worst = image.pixels().iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst <= tolerance, "{name}: {worst}");
        let page = difference(&decoded(&parts[0]).unwrap(), &image);
        assert!(page < 3.0, "{name}: the page differs by {page}");
    }
}

fn pack(row: &[bool]) -> Vec<u8> {
    row.chunks(8).map(|bits| (0..).zip(bits).map(|(at, &bit)| u8::from(bit) << (7 - at)).sum()).collect()
}

#[test]
fn two_images_forms_patterns_and_annotations() {
    let (width, height) = (80, 70);
    let mut pdf = Pdf::new();
    let raw = |shade: u8| vec![shade; 80 * 70 * 3];
    let [first, second, inner, tile, stamp, small] = [10, 20, 30, 40, 50, 60]
        .map(|shade| pdf.image(width, height - u32::from(shade == 60) * 10, RGB, &raw(shade)));
    let deep = pdf.form(&format!("/XObject << /I {inner} 0 R >>"), "/I Do");
    let form = pdf.form(&format!("/XObject << /F {deep} 0 R >>"), "/F Do");
    let pattern = pdf.stream(
        &format!(
            "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 9 9] /XStep 9 /YStep 9 /Resources << /XObject << /T {tile} 0 R >> >>"
        ),
        b"9 0 0 9 0 0 cm /T Do",
    );
    let look = pdf.form(&format!("/XObject << /S {stamp} 0 R >>"), "/S Do");
    let stamped = pdf
        .object(&format!("<< /Type /Annot /Subtype /Stamp /Rect [10 10 50 50] /AP << /N {look} 0 R >> >>"));
    pdf.page(
        &format!("/MediaBox [0 0 100 100] /Annots [{stamped} 0 R]"),
        &format!(
            "/XObject << /A {first} 0 R /B {second} 0 R /F {form} 0 R /S {small} 0 R /Again {first} 0 R >> /Pattern << /P {pattern} 0 R >>"
        ),
        "q 50 0 0 50 0 0 cm /A Do Q q 50 0 0 50 50 50 cm /B Do Q /F Do",
    );
    let parts = parts(&pdf.finish());
    assert_eq!(
        outline(&parts),
        [
            "#page=1",
            "#page=1&image=1",
            "#page=1&image=2",
            "#page=1&image=3",
            "#page=1&image=4",
            "#page=1&image=5"
        ]
    );
    let shades: Vec<u8> = parts[1..].iter().map(|part| decoded(part).unwrap().pixels()[0]).collect();
    assert_eq!(shades, [10, 20, 30, 40, 50]);
    // The stamp is on the page: 40 of 100 wide, from 10 at the lower left.
    let page = decoded(&parts[0]).unwrap();
    assert_eq!(page.pixels()[1500 * 1800 + 250], 50);
}

#[test]
fn a_document_is_held_once() {
    let mut pdf = Pdf::new();
    let image = pdf.image(80, 70, RGB, &vec![7; 80 * 70 * 3]);
    for _ in 0..3 {
        pdf.scan(image, 80, 70, "");
    }
    // It stays in memory as it was unpacked.
    let kept = pdf.stream("/Type /ObjStm /N 0 /First 0 /Filter /FlateDecode", &deflate(&[b' '; 10_000]));
    assert!(kept > 2);
    let bytes = pdf.finish();
    let held: Vec<usize> = parts(&bytes).iter().map(|part| part.content.as_ref().unwrap().held()).collect();
    assert_eq!(held, [bytes.len() + 10_000, 0, 0, 0]);
}

#[test]
fn a_shared_image_is_a_part_once() {
    let (width, height) = (80, 70);
    let mut pdf = Pdf::new();
    let shared = pdf.image(width, height, RGB, &vec![7; 80 * 70 * 3]);
    let own = pdf.image(width, height, RGB, &vec![9; 80 * 70 * 3]);
    pdf.scan(shared, width, height, "");
    pdf.page("/MediaBox [0 0 9 9]", &format!("/XObject << /A {shared} 0 R /B {own} 0 R >>"), "/A Do");
    let parts = parts(&pdf.finish());
    assert_eq!(outline(&parts), ["#page=1", "#page=1&image=1", "#page=2", "#page=2&image=1"]);
    assert_eq!(decoded(&parts[3]).unwrap().pixels()[0], 9);
}

#[test]
fn a_soft_mask_is_no_image_and_shows_white() {
    let (width, height) = (80, 70);
    let mut pdf = Pdf::new();
    let columns: Vec<u8> = (0..80 * 70).map(|at| if at % 80 < 40 { 255 } else { 0 }).collect();
    let mask = pdf.image(width, height, "/ColorSpace /DeviceGray /BitsPerComponent 8", &columns);
    let halved = pdf.image(40, 35, "/ColorSpace /DeviceGray /BitsPerComponent 8", &[128; 40 * 35]);
    let masked = pdf.image(width, height, &format!("{RGB} /SMask {mask} 0 R"), &vec![30; 80 * 70 * 3]);
    let faint = pdf.image(width, height, &format!("{RGB} /SMask {halved} 0 R"), &vec![0; 80 * 70 * 3]);
    pdf.page("/MediaBox [0 0 9 9]", &format!("/XObject << /A {masked} 0 R /B {faint} 0 R >>"), "/A Do");
    let parts = parts(&pdf.finish());
    assert_eq!(outline(&parts), ["#page=1", "#page=1&image=1", "#page=1&image=2"]);
    let image = decoded(&parts[1]).unwrap();
    assert_eq!((image.pixels()[39], image.pixels()[40]), (30, 255));
    assert!(decoded(&parts[2]).unwrap().pixels().iter().all(|&pixel| pixel == 127));
    // A JPEG with a mask is not the JPEG alone.
    let picture = picture(width, height);
    let jpeg = jpeg_of(&picture);
    let mut pdf = Pdf::new();
    let mask = pdf.image(width, height, "/ColorSpace /DeviceGray /BitsPerComponent 8", &columns);
    let entries = format!(
        "/Type /XObject /Subtype /Image /Width {width} /Height {height} {RGB} /Filter /DCTDecode /SMask {mask} 0 R"
    );
    let image = pdf.stream(&entries, &jpeg);
    pdf.scan(image, width, height, "");
    let parts = super::parts(&pdf.finish());
    assert_ne!(&*parts[1].content.as_ref().unwrap().identity(), jpeg.as_slice());
    assert!(
        decoded(&parts[1])
            .unwrap()
            .pixels()
            .chunks(80)
            .all(|row| row[40..].iter().all(|&pixel| pixel == 255))
    );
}

#[test]
fn an_inline_image_is_on_the_page_only() {
    let mut pdf = Pdf::new();
    let samples = "00".repeat(80 * 80);
    let commands = format!("q 50 0 0 100 0 0 cm BI /W 80 /H 80 /CS /G /BPC 8 /F /AHx ID {samples}> EI Q");
    pdf.page("/MediaBox [0 0 100 100]", "", &commands);
    let parts = parts(&pdf.finish());
    assert_eq!(outline(&parts), ["#page=1"]);
    let page = decoded(&parts[0]).unwrap();
    assert_eq!((page.pixels()[900 * 1800 + 450], page.pixels()[900 * 1800 + 1350]), (0, 255));
}

#[test]
fn equal_files_have_equal_identities_and_others_do_not() {
    let identities = |bytes: &[u8]| -> Vec<Vec<u8>> {
        parts(bytes).iter().map(|part| part.content.as_ref().unwrap().identity().into_owned()).collect()
    };
    let document = |shade: u8| {
        let mut pdf = Pdf::new();
        for _ in 0..2 {
            let image = pdf.image(80, 70, RGB, &vec![shade; 80 * 70 * 3]);
            pdf.scan(image, 80, 70, "");
        }
        pdf.finish()
    };
    let mut all = identities(&document(1));
    assert_eq!(all, identities(&document(1)));
    all.extend(identities(&document(2)));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 8);
}

#[test]
fn drawn_twice_and_by_two_threads_the_pixels_are_the_same() {
    let mut pdf = Pdf::new();
    let picture = picture(333, 222);
    let image = pdf.image(333, 222, RGB, picture.as_raw());
    let font = pdf.object("<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>");
    pdf.page(
        "/MediaBox [0 0 200 100]",
        &format!("/Font << /F1 {font} 0 R >> /XObject << /A {image} 0 R >>"),
        "q 130 20 -20 90 40 5 cm /A Do Q 0.3 w 0 0 m 200 93 l S BT /F1 20 Tf 10 30 Td (Specimen) Tj ET",
    );
    let bytes = pdf.finish();
    let parts = parts(&bytes);
    let first = decoded(&parts[0]).unwrap();
    let again = super::parts(&bytes);
    let (second, third) = std::thread::scope(|scope| {
        let one =
            scope.spawn(|| super::parts(&bytes).iter().map(|part| decoded(part).unwrap()).next().unwrap());
        let other =
            scope.spawn(|| super::parts(&bytes).iter().map(|part| decoded(part).unwrap()).next().unwrap());
        (one.join().unwrap(), other.join().unwrap())
    });
    let fourth = decoded(&again[0]).unwrap();
    for other in [&second, &third, &fourth] {
        assert_eq!(first.pixels(), other.pixels());
    }
}

#[test]
fn limits_of_pages_and_documents_without_any() {
    let mut pdf = Pdf::new();
    for _ in 0..5 {
        pdf.page("/MediaBox [0 0 9 9]", "", "");
    }
    let limits = Limits { pages: 3, ..Limits::default() };
    assert_eq!(
        outline(&parts_within(&pdf.finish(), &limits)),
        ["#page=1", "#page=2", "#page=3", " container_limit"]
    );
    assert_eq!(outline(&parts(&Pdf::new().finish())), [" empty_container"]);
    assert_eq!(outline(&parts(b"%PDF-1.7 and nothing else")), [" malformed"]);
    let limits = Limits { document_bytes: 9, file_bytes: 9, ..Limits::default() };
    assert_eq!(outline(&parts_within(&pdf.finish(), &limits)), [" file_too_large"]);
    let limits = Limits { entries: 2, ..Limits::default() };
    assert_eq!(outline(&parts_within(&pdf.finish(), &limits)), ["#page=1", "#page=2", " container_limit"]);
}

#[test]
fn memory_and_sides_are_refused_before_drawing() {
    let picture = picture(100, 80);
    let bytes = scan_of(&picture, "");
    let parts = parts(&bytes);
    let code = |limits: Limits| parts[0].content.as_ref().unwrap().decode(&limits).unwrap_err().code();
    assert_eq!(code(Limits { decode_bytes: 10_000_000, ..Limits::default() }), "too_much_memory");
    assert_eq!(code(Limits { side: 1_000, ..Limits::default() }), "side_too_long");
    assert_eq!(code(Limits { pixels: 1_000_000, ..Limits::default() }), "too_many_pixels");
}

/// What becomes of a page with these resources and commands, where an image may have three megapixels.
fn code_of_page(pdf: &mut Pdf, resources: &str, commands: &str) -> &'static str {
    pdf.page("/MediaBox [0 0 100 80]", resources, commands);
    let limits = Limits { pixels: 3_000_000, ..Limits::default() };
    let parts = parts(&pdf.finish());
    match parts[0].content.as_ref().unwrap().decode(&limits) {
        Ok(_) => "drawn",
        Err(reject) => reject.code(),
    }
}

const GREY: &str = "/ColorSpace /DeviceGray /BitsPerComponent 8";

#[test]
fn an_image_counts_as_often_as_it_is_drawn() {
    // Of a megapixel: twelve of them are four times what one image may have.
    for (times, expected) in [(12, "drawn"), (13, "container_limit"), (400_000, "container_limit")] {
        let mut pdf = Pdf::new();
        let image = pdf.image(1_000, 1_000, GREY, &vec![90; 1_000_000]);
        let resources = format!("/XObject << /Im0 {image} 0 R >>");
        assert_eq!(code_of_page(&mut pdf, &resources, &"/Im0 Do ".repeat(times)), expected, "{times}");
        // The same in a form that is drawn again and again.
        let mut pdf = Pdf::new();
        let image = pdf.image(1_000, 1_000, GREY, &vec![90; 1_000_000]);
        let form = pdf.form(&format!("/XObject << /Im0 {image} 0 R >>"), "/Im0 Do");
        let resources = format!("/XObject << /F {form} 0 R >>");
        assert_eq!(code_of_page(&mut pdf, &resources, &"/F Do ".repeat(times)), expected, "{times}");
    }
}

#[test]
fn what_patterns_masks_and_glyphs_draw_counts_too() {
    for (times, expected) in [(2, "drawn"), (20, "container_limit")] {
        let mut pdf = Pdf::new();
        let image = pdf.image(1_000, 1_000, GREY, &vec![90; 1_000_000]);
        let images = format!("/Resources << /XObject << /Im0 {image} 0 R >> >>");
        let pattern = pdf.stream(
            &format!("/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 9 9] /XStep 9 /YStep 9 {images}"),
            b"9 0 0 9 0 0 cm /Im0 Do",
        );
        let fills = "/Pattern cs /P scn 0 0 50 50 re f ".repeat(times);
        let resources = format!("/Pattern << /P {pattern} 0 R >>");
        assert_eq!(code_of_page(&mut pdf, &resources, &fills), expected, "pattern {times}");

        let mut pdf = Pdf::new();
        let image = pdf.image(1_000, 1_000, GREY, &vec![90; 1_000_000]);
        let glyph = pdf.stream("", b"9 0 d0 9 0 0 9 0 0 cm /Im0 Do");
        let font = pdf.object(&format!(
            "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] /CharProcs << /g {glyph} 0 R >> \
             /Encoding << /Type /Encoding /Differences [97 /g] >> /FirstChar 97 /LastChar 97 /Widths [9] \
             /Resources << /XObject << /Im0 {image} 0 R >> >> >>"
        ));
        let text = format!("BT /F 1 Tf ({}) Tj ET", "a".repeat(times));
        let resources = format!("/Font << /F {font} 0 R >>");
        assert_eq!(code_of_page(&mut pdf, &resources, &text), expected, "glyphs {times}");

        let mut pdf = Pdf::new();
        let image = pdf.image(1_000, 1_000, GREY, &vec![90; 1_000_000]);
        let group = pdf.stream(
            &format!(
                "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Group << /S /Transparency /CS /DeviceGray >> \
                 /Resources << /XObject << /Im0 {image} 0 R >> >>"
            ),
            "/Im0 Do ".repeat(times).as_bytes(),
        );
        let resources =
            format!("/ExtGState << /G << /SMask << /Type /Mask /S /Luminosity /G {group} 0 R >> >> >>");
        assert_eq!(
            code_of_page(&mut pdf, &resources, "/G gs 0 0 9 9 re f 1 1 9 9 re f"),
            expected,
            "mask {times}"
        );
    }
    // A tile on which 30 x 30 copies of the cell lie.
    let mut pdf = Pdf::new();
    let image = pdf.image(200, 100, GREY, &vec![90; 20_000]);
    let pattern = pdf.stream(
        &format!(
            "/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 30 30] /XStep 1 /YStep 1 \
             /Resources << /XObject << /Im0 {image} 0 R >> >>"
        ),
        b"9 0 0 9 0 0 cm /Im0 Do",
    );
    let resources = format!("/Pattern << /P {pattern} 0 R >>");
    assert_eq!(code_of_page(&mut pdf, &resources, "/Pattern cs /P scn 0 0 50 50 re f"), "container_limit");
}

#[test]
fn glyphs_count_one_by_one() {
    for (lines, expected) in [(100, "drawn"), (1_000, "container_limit")] {
        let mut pdf = Pdf::new();
        let font = pdf.object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
        let text = format!("({}) Tj ", "x".repeat(1_000)).repeat(lines);
        let resources = format!("/Font << /F1 {font} 0 R >>");
        assert_eq!(code_of_page(&mut pdf, &resources, &format!("BT /F1 2 Tf {text} ET")), expected);
    }
}

#[test]
fn content_that_pages_share_is_kept_for_each_of_them() {
    let packed = deflate(&vec![b' '; 1024 * 1024]);
    let limits = Limits { decode_bytes: 10 * 1024 * 1024, ..Limits::default() };
    for (pages, times, expected) in [(4, 2, 4), (11, 1, 1), (1, 11, 1)] {
        let mut pdf = Pdf::new();
        let content = pdf.stream("/Filter /FlateDecode", &packed);
        let contents = format!("{content} 0 R ").repeat(times);
        for _ in 0..pages {
            pdf.page_of("/MediaBox [0 0 9 9]", &format!("/Contents [{contents}]"));
        }
        let outline = outline(&parts_within(&pdf.finish(), &limits));
        assert_eq!(outline.len(), expected, "{outline:?}");
        assert_eq!(outline[0], if expected == 1 { " too_much_memory" } else { "#page=1" });
    }
}

#[test]
fn drawing_has_its_time() {
    let mut pdf = Pdf::new();
    let image = pdf.image(80, 70, RGB, &vec![7; 80 * 70 * 3]);
    pdf.scan(image, 80, 70, "");
    let limits = Limits { seconds: 0, ..Limits::default() };
    for part in parts(&pdf.finish()) {
        let reject = part.content.unwrap().decode(&limits).unwrap_err();
        assert_eq!(
            reject.to_string(),
            "the PDF has more than the 0 seconds of drawing allowed; what comes after is not read"
        );
    }
}

#[test]
fn each_of_many_images_is_found_by_its_name() {
    let mut pdf = Pdf::new();
    let images: Vec<usize> = (0..200_u8).map(|shade| pdf.image(64, 64, GREY, &[shade; 64 * 64])).collect();
    let names = images.iter().map(|id| format!("/I{id} {id} 0 R ")).collect::<Vec<_>>().concat();
    let (on_page, in_form) = names.split_at(names.len() / 2);
    let (on_page, rest) = on_page.split_at(on_page.rfind('/').unwrap());
    let form = pdf.form(&format!("/XObject << {rest}{in_form} >>"), "");
    pdf.page("/MediaBox [0 0 9 9]", &format!("/XObject << {on_page} /F {form} 0 R >>"), "/F Do");
    let mut shades: Vec<u8> =
        parts(&pdf.finish())[1..].iter().map(|part| decoded(part).unwrap().pixels()[0]).collect();
    shades.sort_unstable();
    assert_eq!(shades, (0..200).collect::<Vec<u8>>());
}

#[test]
fn a_pdf_with_bytes_before_its_header() {
    let bytes = [b"\r\nleading bytes\r\n".as_slice(), &scan_of(&picture(90, 80), "")].concat();
    assert_eq!(outline(&parts(&bytes)), ["#page=1", "#page=1&image=1"]);
    assert!(deflate(b"x").len() > 2);
}
