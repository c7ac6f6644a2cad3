"""LiteRT: conversion with litert-torch, and sessions of its own interpreter."""
