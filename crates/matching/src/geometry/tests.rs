//! Planted transforms among strangers, and input that makes no sense.

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::*;

const WIDTH: f64 = 8192.0;
const HEIGHT: f64 = 5200.0;

struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.word() % bound as u64).unwrap()
    }

    /// About normal.
    fn noise(&mut self, deviation: f64) -> f64 {
        deviation * ((0..12).map(|_| self.within(0.0, 1.0)).sum::<f64>() - 6.0)
    }

    fn placed(&mut self) -> Placed {
        let (x, y) = (self.within(0.0, WIDTH), self.within(0.0, HEIGHT));
        placed(x, y, 26.0 * self.within(0.0, 3.0).exp2(), self.within(0.0, 1.0))
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for place in (1..list.len()).rev() {
            list.swap(place, self.below(place + 1));
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Similarity,
    Affine,
    Tilted,
}

/// Ground truth: its own arithmetic, with the mathematics of the standard library.
struct Truth([[f64; 3]; 3]);

impl Truth {
    fn random(kind: Kind, random: &mut Random) -> Self {
        let (scale, turn) = (random.within(-2.5, 1.0).exp2(), random.within(0.0, TAU));
        let squeeze = if kind == Kind::Similarity { 1.0 } else { random.within(1.0, 1.5).sqrt() };
        let (axis_sin, axis_cos) = random.within(0.0, TAU).sin_cos();
        let (sin, cos) = turn.sin_cos();
        let (long, short) = (scale * squeeze, scale / squeeze);
        // Squeeze along an axis, then turn.
        let stretch = [
            [axis_cos * axis_cos * long + axis_sin * axis_sin * short, axis_cos * axis_sin * (long - short)],
            [axis_cos * axis_sin * (long - short), axis_sin * axis_sin * long + axis_cos * axis_cos * short],
        ];
        let rows = [[cos, -sin], [sin, cos]]
            .map(|row| [0, 1].map(|column| row[0] * stretch[0][column] + row[1] * stretch[1][column]));
        let tilt = if kind == Kind::Tilted {
            [random.within(-0.2, 0.2) / (0.5 * WIDTH), random.within(-0.2, 0.2) / (0.5 * HEIGHT)]
        } else {
            [0.0, 0.0]
        };
        let middle = [random.within(2000.0, 6000.0), random.within(1500.0, 4500.0)];
        // About the middle of the record.
        let third = [tilt[0], tilt[1], 1.0 - 0.5 * (tilt[0] * WIDTH + tilt[1] * HEIGHT)];
        let row = |linear: [f64; 2], shift: f64| {
            [
                linear[0] + shift * third[0],
                linear[1] + shift * third[1],
                shift * third[2] - 0.5 * (linear[0] * WIDTH + linear[1] * HEIGHT),
            ]
        };
        Self([row(rows[0], middle[0]), row(rows[1], middle[1]), third])
    }

    fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        let [across, along, depth] = self.0.map(|row| row[0] * x + row[1] * y + row[2]);
        (across / depth, along / depth)
    }

    /// Where a keypoint comes to lie; the direction and the size by differences.
    fn place(&self, point: &Placed) -> Placed {
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        let (sin, cos) = (f64::from(point.angle) * TAU).sin_cos();
        let there = self.apply(x, y);
        let ahead = self.apply(x + cos, y + sin);
        let beside = self.apply(x - sin, y + cos);
        let ahead = (ahead.0 - there.0, ahead.1 - there.1);
        let beside = (beside.0 - there.0, beside.1 - there.1);
        let scale = (ahead.0 * beside.1 - ahead.1 * beside.0).abs().sqrt();
        placed(there.0, there.1, f64::from(point.size) * scale, ahead.1.atan2(ahead.0) / TAU)
    }

    fn scale(&self) -> f64 {
        f64::from(self.place(&placed(0.5 * WIDTH, 0.5 * HEIGHT, 1.0, 0.0)).size)
    }
}

fn placed(x: f64, y: f64, size: f64, angle: f64) -> Placed {
    #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
    let [x, y, size, angle] = [x, y, size, angle].map(|value| value as f32);
    Placed { x, y, size, angle }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap()
}

fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

struct Scene {
    query: Vec<Placed>,
    record: Vec<Placed>,
    pairs: Vec<Pair>,
}

impl Scene {
    /// Keypoint `n` of the query is keypoint `n` of the record for the first `true_pairs`; the other pairs are
    /// made up, some of them with keypoints that have a true partner.
    fn new(truth: &Truth, true_pairs: usize, strangers: usize, random: &mut Random) -> Self {
        let record: Vec<Placed> = (0..64).map(|_| random.placed()).collect();
        let off = 0.003 * WIDTH * truth.scale();
        let mut query = Vec::new();
        let mut pairs = Vec::new();
        for (place, point) in record.iter().enumerate().take(true_pairs) {
            let exact = truth.place(point);
            query.push(placed(
                f64::from(exact.x) + random.noise(off),
                f64::from(exact.y) + random.noise(off),
                f64::from(exact.size) * random.noise(0.1).exp2(),
                f64::from(exact.angle) + random.noise(0.01),
            ));
            pairs.push((place, place));
        }
        for _ in 0..strangers {
            let mut place = query.len();
            if true_pairs > 0 && random.below(5) == 0 {
                place = random.below(true_pairs);
            } else {
                query.push(random.placed());
            }
            pairs.push((place, random.below(record.len())));
        }
        random.shuffle(&mut pairs);
        let pairs = pairs
            .into_iter()
            .map(|(query, record)| {
                let weight = placed(0.0, 0.0, random.within(0.5, 3.0), 0.0).size;
                Pair { query: number(query), record: number(record), weight }
            })
            .collect();
        Self { query, record, pairs }
    }

    fn verify(&self) -> Option<Agreement> {
        verify(&self.query, &self.record, &self.pairs, &VerifySettings::default())
    }
}

/// What must hold for every answer.
fn check(scene: &Scene, agreement: &Agreement) {
    let chosen: Vec<Pair> = agreement.pairs.iter().map(|&place| scene.pairs[place as usize]).collect();
    assert!(chosen.len() >= 2);
    assert!(
        (chosen.iter().map(|pair| f64::from(pair.weight)).sum::<f64>() / agreement.weight - 1.0).abs() < 1e-9
    );
    assert!(chosen.windows(2).all(|pair| pair[0].weight >= pair[1].weight));
    let (scale, turn) = (agreement.transform.scale(), agreement.transform.turn());
    assert!((0.124..=8.01).contains(&scale) && (0.0..1.0).contains(&turn), "scale {scale}, turn {turn}");
    for (place, pair) in chosen.iter().enumerate() {
        let (there, here) = (&scene.query[pair.query as usize], &scene.record[pair.record as usize]);
        let predicted = agreement.transform.apply(f64::from(here.x), f64::from(here.y)).unwrap();
        assert!(here.x.abs().max(here.y.abs()).max(there.x.abs()).max(there.y.abs()) <= 65536.0);
        let reach = 0.075 * FRAME * scale + 1e-6;
        assert!(distance(predicted, (f64::from(there.x), f64::from(there.y))) <= reach);
        for other in &chosen[..place] {
            let other_there = &scene.query[other.query as usize];
            let other_here = &scene.record[other.record as usize];
            assert!(!same_spot(there, other_there) && !same_spot(here, other_here));
        }
    }
}

fn same_spot(a: &Placed, b: &Placed) -> bool {
    let (large, small) = (f64::from(a.size.max(b.size)), f64::from(a.size.min(b.size)));
    let apart = distance((f64::from(a.x), f64::from(a.y)), (f64::from(b.x), f64::from(b.y)));
    apart <= 0.499 * large && large <= 1.189 * small
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Similarity), Just(Kind::Affine), Just(Kind::Tilted)]
}

/// Numbers that a decoder could be made to deliver, and few enough of them to coincide.
fn strange() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => (0_u8..6).prop_map(|step| 700.0 * f32::from(step)),
        2 => -9000.0_f32..9000.0,
        1 => prop::num::f32::ANY,
        1 => prop::sample::select(vec![
            0.0, -0.0, 1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE, 1e-45,
        ]),
    ]
}

fn strange_points() -> impl Strategy<Value = Vec<[f32; 4]>> {
    prop::collection::vec(
        (strange(), strange(), prop_oneof![3 => 1.0_f32..500.0, 1 => strange()], strange())
            .prop_map(|(x, y, size, angle)| [x, y, size, angle]),
        0..24,
    )
}

fn all_placed(points: &[[f32; 4]]) -> Vec<Placed> {
    points.iter().map(|&[x, y, size, angle]| Placed { x, y, size, angle }).collect()
}

proptest! {
    #[test]
    fn the_planted_transform_is_found(
        kind in kinds(), true_pairs in 20_usize..48, share in 50_usize..80, seed: u64,
    ) {
        let random = &mut Random(seed);
        let truth = Truth::random(kind, random);
        let scene = Scene::new(&truth, true_pairs, true_pairs * share / (100 - share), random);
        let agreement = scene.verify().expect("found");
        check(&scene, &agreement);

        let side = WIDTH * truth.scale();
        let mut hits = 0;
        for &place in &agreement.pairs {
            let pair = scene.pairs[place as usize];
            hits += usize::from(pair.query == pair.record);
            let here = &scene.record[pair.record as usize];
            let there = &scene.query[pair.query as usize];
            let predicted = truth.apply(f64::from(here.x), f64::from(here.y));
            let off = distance(predicted, (f64::from(there.x), f64::from(there.y)));
            prop_assert!(off <= 0.12 * side, "a stranger {} of the side away", off / side);
        }
        prop_assert!(hits * 10 >= true_pairs * 9, "{hits} of {true_pairs}");
        let quad = agreement.transform.quad(WIDTH, HEIGHT).expect("a picture");
        for (corner, (x, y)) in [(0.0, 0.0), (WIDTH, 0.0), (WIDTH, HEIGHT), (0.0, HEIGHT)].into_iter().enumerate() {
            let off = distance(quad[corner], truth.apply(x, y)) / side;
            // Tilted ones are extrapolated to the corners with two degrees of freedom more.
            let most = if kind == Kind::Tilted { 0.2 } else { 0.12 };
            prop_assert!(off <= most, "corner {corner} is {off} of the side away");
        }
    }

    #[test]
    fn strangers_do_not_agree(strangers in 1_usize..120, seed: u64) {
        let random = &mut Random(seed);
        let scene = Scene::new(&Truth::random(Kind::Similarity, random), 0, strangers, random);
        if let Some(agreement) = scene.verify() {
            check(&scene, &agreement);
            prop_assert!(agreement.pairs.len() <= 7, "{} of {strangers}", agreement.pairs.len());
        }
    }

    #[test]
    fn the_order_of_the_pairs_does_not_matter(
        kind in kinds(), true_pairs in 0_usize..20, strangers in 0_usize..40, seed: u64,
    ) {
        let random = &mut Random(seed);
        let mut scene = Scene::new(&Truth::random(kind, random), true_pairs, strangers, random);
        // Ties, and pairs that are given twice.
        for pair in &mut scene.pairs {
            pair.weight = pair.weight.round();
        }
        scene.pairs.extend_from_within(..strangers / 4);
        let before = scene.verify();
        random.shuffle(&mut scene.pairs);
        let after = scene.verify();
        prop_assert_eq!(before.is_some(), after.is_some());
        if let (Some(before), Some(after)) = (before, after) {
            prop_assert_eq!(before.weight.to_bits(), after.weight.to_bits());
            prop_assert_eq!(before.transform, after.transform);
        }
    }

    #[test]
    fn nonsense_is_survived(
        query in strange_points(),
        record in strange_points(),
        pairs in prop::collection::vec((0_u32..26, 0_u32..26, strange()), 0..80),
        aligned: bool,
    ) {
        let mut scene = Scene {
            query: all_placed(&query),
            record: all_placed(&record),
            pairs: pairs.into_iter().map(|(query, record, weight)| Pair { query, record, weight }).collect(),
        };
        if aligned {
            // The same points in both: much agrees, however degenerate.
            scene.query.clone_from(&scene.record);
            scene.pairs.extend((0..26).map(|place| Pair { query: place, record: place, weight: 1.0 }));
            scene.pairs.extend((0..26).map(|place| Pair { query: place, record: place, weight: f32::INFINITY }));
        }
        if let Some(agreement) = scene.verify() {
            check(&scene, &agreement);
            prop_assert!(agreement.weight.is_finite());
            prop_assert!(agreement.transform.rows().iter().flatten().all(|value| value.is_finite()));
            if let Some(quad) = agreement.transform.quad(WIDTH, HEIGHT) {
                prop_assert!(quad.iter().all(|corner| corner.0.is_finite() && corner.1.is_finite()));
                prop_assert!((overlap(&quad, &quad) - 1.0).abs() < 1e-6);
            }
            let points: Vec<_> = scene.record.iter().map(|point| (f64::from(point.x), f64::from(point.y))).collect();
            prop_assert!((0.0..=1.0).contains(&covered_share(&points, WIDTH, HEIGHT)));
        }
    }
}

/// The same picture, `shift` to the right.
fn shifted(points: &[Placed], shift: f32) -> Vec<Placed> {
    points.iter().map(|point| Placed { x: point.x + shift, ..*point }).collect()
}

fn one_to_one(count: usize) -> Vec<Pair> {
    (0..count).map(|place| Pair { query: number(place), record: number(place), weight: 1.0 }).collect()
}

#[test]
fn a_spot_counts_once() {
    let base = [(1000.0, 1000.0), (6000.0, 1500.0), (3000.0, 4000.0), (5000.0, 3500.0)];
    let record: Vec<Placed> = base.iter().map(|&(x, y)| placed(x, y, 60.0, 0.1)).collect();
    let mut scene = Scene { query: shifted(&record, 500.0), pairs: one_to_one(4), record };
    assert_eq!(scene.verify().unwrap().pairs, [0, 1, 2, 3]);

    // Further keypoints of the first spot, within a quarter of its size, that suit it as well.
    for (query, record) in [(4, 4), (5, 0), (0, 4)] {
        if query > 3 {
            scene.query.push(placed(1500.0 + 15.0, 1000.0, 58.0, 0.12));
        }
        if record > 3 {
            scene.record.push(placed(1000.0, 1015.0, 62.0, 0.09));
        }
        scene.pairs.push(Pair { query, record, weight: 0.5 });
    }
    let agreement = scene.verify().unwrap();
    assert_eq!((agreement.pairs.as_slice(), agreement.weight), (&[0, 1, 2, 3][..], 4.0));
    check(&scene, &agreement);

    // The heaviest of them wins, wherever it stands.
    scene.pairs[5].weight = 2.0;
    let agreement = scene.verify().unwrap();
    assert_eq!((agreement.pairs.as_slice(), agreement.weight), (&[5, 1, 2, 3][..], 5.0));

    // A keypoint of another size at the same place is another spot.
    scene.query.push(placed(1500.0, 1000.0, 120.0, 0.1));
    scene.record.push(placed(1000.0, 1000.0, 120.0, 0.1));
    let (query, record) = (number(scene.query.len() - 1), number(scene.record.len() - 1));
    scene.pairs.push(Pair { query, record, weight: 1.0 });
    assert_eq!(scene.verify().unwrap().pairs.len(), 5);
}

#[test]
fn a_heavy_few_beat_a_light_many() {
    let random = &mut Random(3);
    let record: Vec<Placed> = (0..14).map(|_| random.placed()).collect();
    let mut query = shifted(&record[..8], 200.0);
    query.extend(shifted(&record[8..], -3000.0));
    let mut scene = Scene { query, record, pairs: one_to_one(14) };
    assert_eq!(scene.verify().unwrap().pairs.len(), 8);
    for pair in &mut scene.pairs[8..] {
        pair.weight = 2.0;
    }
    assert_eq!(scene.verify().unwrap().pairs, [8, 9, 10, 11, 12, 13]);
    let settings = VerifySettings { starts: 1, ..VerifySettings::default() };
    assert_eq!(verify(&scene.query, &scene.record, &scene.pairs, &settings).unwrap().pairs.len(), 6);
}

#[test]
fn among_equals_the_first_keypoint_wins() {
    let random = &mut Random(5);
    let record: Vec<Placed> = (0..6).map(|_| random.placed()).collect();
    let mut scene = Scene { query: record.clone(), record, pairs: one_to_one(6) };
    // A second keypoint for one spot of the record, a little off and far from being the same spot.
    scene.query.push(Placed {
        x: scene.query[2].x + 150.0,
        size: 0.8 * scene.query[2].size,
        ..scene.query[2]
    });
    scene.pairs.push(Pair { query: 6, record: 2, weight: 1.0 });
    let before = scene.verify().unwrap();
    assert!(before.pairs.contains(&2) && !before.pairs.contains(&6));
    scene.pairs.reverse();
    let after = scene.verify().unwrap();
    assert!(after.pairs.contains(&4) && !after.pairs.contains(&0));
    assert_eq!(before.transform, after.transform);
}

#[test]
fn a_spot_must_point_and_be_sized_as_the_transform_says() {
    let random = &mut Random(17);
    let record: Vec<Placed> = (0..12).map(|_| random.placed()).collect();
    let mut scene = Scene { query: record.clone(), record, pairs: one_to_one(12) };
    scene.query[3].angle += 0.1;
    scene.query[5].size *= 1.6;
    scene.query[7].x += 700.0;
    scene.query[9].angle -= 0.04;
    scene.query[11].size *= 0.8;
    assert_eq!(scene.verify().unwrap().pairs, [0, 1, 2, 4, 6, 8, 9, 10, 11]);
}

#[test]
fn where_places_say_little_sizes_and_directions_decide() {
    // Two keypoints close together, each a little off: their places alone would say 1.4 times the size.
    let record = vec![placed(4000.0, 3000.0, 60.0, 0.2), placed(4100.0, 3000.0, 100.0, 0.7)];
    let query = vec![placed(3980.0, 3000.0, 60.0, 0.2), placed(4120.0, 3000.0, 100.0, 0.7)];
    let transform = Scene { query, record, pairs: one_to_one(2) }.verify().unwrap().transform;
    assert!((transform.scale() - 1.0).abs() < 0.1, "{}", transform.scale());

    // Keypoints along one line of print say nothing about the height.
    let random = &mut Random(23);
    let record: Vec<Placed> = (0..12)
        .map(|step| placed(1000.0 + 500.0 * f64::from(step), 2500.0 + random.noise(5.0), 60.0, 0.1))
        .collect();
    let query = record
        .iter()
        .map(|point| Placed { y: point.y + placed(0.0, random.noise(20.0), 1.0, 0.0).y, ..*point });
    let scene = Scene { query: query.collect(), record, pairs: one_to_one(12) };
    let quad = scene.verify().unwrap().transform.quad(WIDTH, HEIGHT).unwrap();
    for (corner, expected) in quad.into_iter().zip([(0.0, 0.0), (WIDTH, 0.0), (WIDTH, HEIGHT), (0.0, HEIGHT)])
    {
        assert!(distance(corner, expected) < 0.04 * WIDTH, "{corner:?}");
    }
}

#[test]
fn two_pairs_give_a_similarity_and_one_gives_nothing() {
    let record = vec![placed(1000.0, 1000.0, 50.0, 0.0), placed(5000.0, 3000.0, 80.0, 0.7)];
    // A quarter turn, half the size: x' = 6000 - y / 2, y' = 100 + x / 2.
    let query = vec![placed(5500.0, 600.0, 25.0, 0.25), placed(4500.0, 2600.0, 40.0, 0.95)];
    let mut scene = Scene { query, record, pairs: one_to_one(2) };
    let transform = scene.verify().unwrap().transform;
    assert!((transform.scale() - 0.5).abs() < 1e-3 && (transform.turn() - 0.25).abs() < 1e-3);
    let quad = transform.quad(8192.0, 4096.0).unwrap();
    for (corner, expected) in
        quad.into_iter().zip([(6000.0, 100.0), (6000.0, 4196.0), (3952.0, 4196.0), (3952.0, 100.0)])
    {
        assert!(distance(corner, expected) < 8.0, "{corner:?}");
    }
    assert!(transform.quad(0.0, 4096.0).is_none() && transform.quad(f64::NAN, 1.0).is_none());

    scene.pairs.pop();
    assert_eq!(scene.verify(), None);
    scene.pairs.clear();
    assert_eq!(scene.verify(), None);
}

#[test]
fn what_no_document_does_is_refused() {
    let random = &mut Random(11);
    let record: Vec<Placed> = (0..30).map(|_| random.placed()).collect();
    let with = |change: &dyn Fn(&Placed) -> Placed| {
        let scene = Scene {
            query: record.iter().map(change).collect(),
            record: record.clone(),
            pairs: one_to_one(30),
        };
        scene.verify().map_or(0, |agreement| agreement.pairs.len())
    };
    assert_eq!(with(&|point| *point), 30);
    // A mirror turns directions round as well.
    assert!(with(&|point| Placed { x: 8192.0 - point.x, angle: 0.5 - point.angle, ..*point }) <= 5);
    // Ten times smaller; the same with sizes that claim otherwise.
    assert_eq!(
        with(&|point| Placed { x: 0.1 * point.x, y: 0.1 * point.y, size: 0.1 * point.size, ..*point }),
        0
    );
    assert!(with(&|point| Placed { x: 0.1 * point.x, y: 0.1 * point.y, ..*point }) <= 5);
    // Squeezed to half its height, which is as far as the bound lets it.
    let squeezed = Truth([[1.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 1.0]]);
    let scene = Scene {
        query: record.iter().map(|point| squeezed.place(point)).collect(),
        record,
        pairs: one_to_one(30),
    };
    assert_eq!(scene.verify().unwrap().pairs.len(), 30);
    let settings = VerifySettings { anisotropy_bound: 1.8, ..VerifySettings::default() };
    let agreement = verify(&scene.query, &scene.record, &scene.pairs, &settings).unwrap();
    assert!(agreement.pairs.len() < 25, "{}", agreement.pairs.len());
}

#[test]
fn debug_output_tells_no_feature() {
    let scene = Scene { query: vec![placed(12.5, 7.0, 3.0, 0.5); 2], record: Vec::new(), pairs: Vec::new() };
    assert_eq!(format!("{:?}", scene.query[0]), "Placed { .. }");
    let record = vec![placed(1000.0, 1000.0, 50.0, 0.0), placed(5000.0, 3000.0, 80.0, 0.7)];
    let scene = Scene { query: record.clone(), record, pairs: one_to_one(2) };
    assert_eq!(format!("{:?}", scene.verify().unwrap()), "Agreement { pairs: 2, weight: 2.0, .. }");
}
