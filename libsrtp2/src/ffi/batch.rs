//! An extension of ours: packets of many sessions in one call (`portcullis_srtp.h`).
