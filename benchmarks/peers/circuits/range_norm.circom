// The statement that gradroll proves for every owner, coordinate by coordinate: each of d signed integers fits
// 16 bits, and the sum of their squares is at most `bound` < 2^62. The prover sees the vector in the clear, and
// nothing ties it to a commitment.
pragma circom 2.0.0;

// 0 <= value < 2^n
template InRange(n) {
    signal input value;
    signal bits[n];
    var sum = 0;
    for (var i = 0; i < n; i++) {
        bits[i] <-- (value >> i) & 1;
        bits[i] * (bits[i] - 1) === 0;
        sum += bits[i] * 2 ** i;
    }
    sum === value;
}

template RangeNorm(d) {
    signal input gradient[d];
    signal input bound;
    signal squares[d];
    component fits[d];
    var norm = 0;
    for (var i = 0; i < d; i++) {
        fits[i] = InRange(16);
        fits[i].value <== gradient[i] + 2 ** 15;
        squares[i] <== gradient[i] * gradient[i];
        norm += squares[i];
    }
    component slack = InRange(62);
    slack.value <== bound - norm;
}
