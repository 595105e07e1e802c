# SHA-1 of many blocks in each of sixteen lanes, in the order that keeps the pipes of AVX-512 busiest: the compiler's takes a third
# longer. Included by lanes16.rs, which gives these:
#
#   rsi  the state, five vectors      rcx  `Tables`
#   rdi  `Rows`, and 0 in rdx; or 0, and in rdx the words of the only block of each lane, sixteen vectors
#   r8   the number of blocks, at least one
#
# Inside:
#
#   zmm0-15   the words, of which round t uses the one at t mod 16        zmm21-26  scratch
#   zmm16-20  the state, five places that the variables rotate through    zmm27     the constant of the round
#   rax       the number of the block                                     rdx, r9-r11, k1, k2  scratch

.set .Lnext, 0
.set .Lwhole, 128
.set .Ltail, 256
.set .Lcount, 384
.set .Llast, 512
.set .Lorder, 0
.set .Lconstants, 128

# The word of round t: w, now that of round t - 16, becomes rol(w ^ w2 ^ w8 ^ w13, 1).
.macro schedule w, w2, w8, w13
    vpternlogd zmm\w, zmm\w2, zmm\w8, 0x96
    vpxord     zmm\w, zmm\w, zmm\w13
    vprold     zmm\w, zmm\w, 1
.endm

# Round t: e += rol(a, 5) + f(b, c, d) + k + w; b = rol(b, 30). f is the truth table of vpternlogd.
.macro round a, b, c, d, e, w, f, x, y
    vprold     zmm\x, zmm\a, 5
    vpaddd     zmm\e, zmm\e, zmm\w
    vmovdqa64  zmm\y, zmm\b
    vpternlogd zmm\y, zmm\c, zmm\d, \f
    vprold     zmm\b, zmm\b, 30
    vpaddd     zmm\e, zmm\e, zmm27
    vpaddd     zmm\e, zmm\e, zmm\y
    vpaddd     zmm\e, zmm\e, zmm\x
.endm

# 16 bytes of the next blocks of lanes j, j + 4, j + 8 and j + 12, from `offset` on, as the quarters of zmm\w.
.macro gather w, j, offset
    mov rdx, [rdi + .Lnext + 8 * \j]
    mov r9,  [rdi + .Lnext + 8 * \j + 32]
    mov r10, [rdi + .Lnext + 8 * \j + 64]
    mov r11, [rdi + .Lnext + 8 * \j + 96]
    vmovdqu xmm\w, [rdx + \offset]
    vinserti32x4 zmm\w, zmm\w, [r9 + \offset], 1
    vinserti32x4 zmm\w, zmm\w, [r10 + \offset], 2
    vinserti32x4 zmm\w, zmm\w, [r11 + \offset], 3
.endm

# Four words of each lane, gathered by lanes, become four words of sixteen lanes, in native byte order.
.macro transpose a, b, c, d
    vpunpckldq zmm23, zmm\a, zmm\b
    vpunpckldq zmm24, zmm\c, zmm\d
    vpunpckhdq zmm25, zmm\a, zmm\b
    vpunpckhdq zmm26, zmm\c, zmm\d
    vmovdqa64  zmm\a, [rcx + .Lorder]
    vmovdqa64  zmm\b, [rcx + .Lorder + 64]
    vmovdqa64  zmm\c, zmm\a
    vmovdqa64  zmm\d, zmm\b
    vpermi2b   zmm\a, zmm23, zmm24
    vpermi2b   zmm\b, zmm23, zmm24
    vpermi2b   zmm\c, zmm25, zmm26
    vpermi2b   zmm\d, zmm25, zmm26
.endm

# A quarter of the next block, words w to w + 3.
.macro gather_quarter w
    gather %(\w), 0, %(4 * \w)
    gather %(\w + 1), 1, %(4 * \w)
    gather %(\w + 2), 2, %(4 * \w)
    gather %(\w + 3), 3, %(4 * \w)
    transpose %(\w), %(\w + 1), %(\w + 2), %(\w + 3)
.endm

# Where the next blocks of eight lanes stand, of which zmm23 has the number: in the packet, then in the tail, whose address is given as
# if all blocks stood before it. A lane without one reads its last block again.
.macro next_rows half
    vpminuq    zmm24, zmm23, [rdi + .Llast + 64 * \half]
    vpcmpltuq  k1, zmm24, [rdi + .Lcount + 64 * \half]
    vmovdqa64  zmm25, [rdi + .Ltail + 64 * \half]
    vmovdqa64  zmm25 {k1}, [rdi + .Lwhole + 64 * \half]
    vpsllq     zmm24, zmm24, 6
    vpaddq     zmm25, zmm25, zmm24
    vmovdqa64  [rdi + .Lnext + 64 * \half], zmm25
.endm

.macro load_word i
    vmovdqa64 zmm\i, [rdx + 64 * \i]
.endm

# Adds the old word of the state in lanes that have this block, and leaves the old one in the others.
.macro add_old i, new
    vmovdqa64  zmm23, [rsi + 64 * \i]
    vpaddd     zmm23 {k1}, zmm23, zmm\new
    vmovdqa64  [rsi + 64 * \i], zmm23
    vmovdqa64  zmm\new, zmm23
.endm

.altmacro
    vmovdqa64 zmm16, [rsi]
    vmovdqa64 zmm17, [rsi + 64]
    vmovdqa64 zmm18, [rsi + 128]
    vmovdqa64 zmm19, [rsi + 192]
    vmovdqa64 zmm20, [rsi + 256]
    xor eax, eax
    test rdi, rdi
    jnz 2f
.set .Li, 0
.rept 16
    load_word %(.Li)
.set .Li, .Li + 1
.endr
    jmp 3f
2:
    vpxord zmm23, zmm23, zmm23
    next_rows 0
    next_rows 1
    gather_quarter 0
    gather_quarter 4
    gather_quarter 8
    gather_quarter 12
3:
    lea r10, [rax + 1]
# No instruction of the rounds changes flags: what is equal here tells the last block until its end.
    cmp r10, r8
    je 4f
    vpbroadcastq zmm23, r10
    next_rows 0
    next_rows 1
4:
.set .Lt, 0
.rept 80
.if .Lt % 20 == 0
    vpbroadcastd zmm27, [rcx + .Lconstants + .Lt / 5]
.endif
.if .Lt < 20
    .set .Lf, 0xca
.elseif .Lt < 40 || .Lt >= 60
    .set .Lf, 0x96
.else
    .set .Lf, 0xe8
.endif
    round %(16 + (80 - .Lt) % 5), %(16 + (81 - .Lt) % 5), %(16 + (82 - .Lt) % 5), %(16 + (83 - .Lt) % 5), %(16 + (84 - .Lt) % 5), %(.Lt % 16), %(.Lf), 21, 22
# Words are made 15 rounds ahead, so that none is missing when the pipes are free.
.if .Lt >= 1 && .Lt < 65
    schedule %((.Lt + 15) % 16), %((.Lt + 1) % 16), %((.Lt + 7) % 16), %((.Lt + 12) % 16)
.endif
# The places of words that no round needs any more take those of the next blocks.
.if .Lt >= 67 && .Lt % 4 == 3
    je 4f
    gather_quarter %(.Lt - 67)
4:
.endif
.set .Lt, .Lt + 1
.endr
    kxnorw k1, k1, k1
    test rdi, rdi
    jz 4f
    vpbroadcastq zmm23, rax
    vpcmpleuq k1, zmm23, [rdi + .Llast]
    vpcmpleuq k2, zmm23, [rdi + .Llast + 64]
    kunpckbw  k1, k2, k1
4:
    add_old 0, 16
    add_old 1, 17
    add_old 2, 18
    add_old 3, 19
    add_old 4, 20
    inc rax
    cmp rax, r8
    jne 3b

.noaltmacro
.purgem schedule
.purgem round
.purgem gather
.purgem transpose
.purgem gather_quarter
.purgem next_rows
.purgem load_word
.purgem add_old
